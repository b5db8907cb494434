//! Builds both ends of the exchanges.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::setting::Setting;
use super::{Engine, FaultsArgs, Side};
use crate::checkout::Checkout;
use wasip2_ground::cargo::cargo;
use wasip2_ground::{Console, Home, Process, Wasi};
use wasip2_series::workspace::{Build, Guests};

/// The package.
const PACKAGE: &str = "exchanges";

/// The server as a handler, and natively.
const SERVER: &str = "exchanges";

/// The server over sockets in a component.
const SERVER_OVER_SOCKETS: &str = "exchanges-over-sockets";

/// The client.
const CLIENT: &str = "exchanges-client";

/// The programs' files.
#[derive(Debug)]
pub struct Programs {
    /// Components, for each of the settings that was asked for.
    client: Option<PathBuf>,
    handler: Option<PathBuf>,
    server: Option<PathBuf>,
    /// Programs of this machine.
    pub native_client: PathBuf,
    pub native_server: PathBuf,
}

impl Programs {
    /// Builds what `settings` need.
    pub fn build(
        settings: &[Setting],
        arguments: &FaultsArgs,
        checkout: &Checkout,
        home: &Home,
        console: &Console,
    ) -> Result<Programs> {
        let source = checkout.source.servers();
        let series = arguments.series.all(home)?;
        let guests = Guests::stage(
            "servers",
            &source,
            &series,
            Wasi::P2,
            &arguments.series,
            home,
            console,
        )?;
        let build = Build {
            profile: arguments.release.then_some("release"),
            offline: arguments.series.offline,
            ..Build::default()
        };
        let component = |name: &str, wanted: &dyn Fn(&Setting) -> bool| {
            (settings.iter().any(wanted))
                .then(|| guests.build(name, &build, console))
                .transpose()
        };
        let native = |name: &str| -> Result<PathBuf> {
            let target = home.directory("native/servers")?;
            let mut process = Process::new(cargo())
                .current_dir(&source)
                .args(["build", "--quiet", "--locked"])
                .args(["--package", PACKAGE, "--bin", name, "--target-dir"])
                .arg(&target);
            if arguments.release {
                process = process.arg("--release");
            }
            if arguments.series.offline {
                process = process.arg("--offline");
            }
            let status = process.status(console)?;
            ensure!(
                status.success(),
                "`{name}` did not build for this machine; what rustc said stands above"
            );
            let profile = match arguments.release {
                true => "release",
                false => "debug",
            };
            Ok(target.join(profile).join(name))
        };
        Ok(Programs {
            client: component(CLIENT, &|setting| setting.side == Side::Client)?,
            handler: component(SERVER, &|setting| {
                (setting.side, setting.engine) == (Side::Server, Engine::WasiHttp)
            })?,
            server: component(SERVER_OVER_SOCKETS, &|setting| {
                (setting.side, setting.engine) == (Side::Server, Engine::Sockets)
            })?,
            native_client: native(CLIENT)?,
            native_server: native(SERVER)?,
        })
    }

    /// The component of `setting`.
    pub fn component(&self, setting: &Setting) -> &PathBuf {
        let component = match (setting.side, setting.engine) {
            (Side::Client, _) => &self.client,
            (Side::Server, Engine::WasiHttp) => &self.handler,
            (Side::Server, Engine::Sockets) => &self.server,
        };
        component.as_ref().expect("it was built for this setting")
    }
}
