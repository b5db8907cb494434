//! Rights, limits and routes, as a command line says them.

use clap::Parser;
use wasip2_host::{HostArgs, ServeArgs};

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Serve {
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Host {
    #[command(flatten)]
    host: HostArgs,
}

/// A line is a word. Whatever is not refused can be asked for what it means.
pub fn read(bytes: &[u8]) {
    let Some(text) = std::str::from_utf8(bytes).ok() else {
        return;
    };
    let words: Vec<&str> = text.lines().collect();
    if let Ok(Serve { serve }) = Serve::try_parse_from(&words) {
        let limits = &serve.limits;
        assert!(!limits.header_timeout().is_zero() && !limits.stall_timeout().is_zero());
        assert!(limits.max_instances() > 0 && limits.max_connections() > 0);
        assert!(limits.max_memory() >= 1 << 20);
        if let Ok(routed) = serve.routes.in_order() {
            assert_eq!(routed.len(), serve.routes.routes.len());
            for (at, one) in routed.iter().enumerate() {
                let before = |name: &String| routed[..at].iter().any(|it| it.route.name == *name);
                assert!(one.reaches.iter().all(before), "a circle is not refused");
            }
        }
        for pattern in &serve.rights.http_allow {
            assert!(!pattern.includes("", 80), "{pattern:?} is for no host");
        }
        for mapping in &serve.rights.stand_ins.http_map {
            let uri = "http://a.test:8080/b%20c?d=e".parse().unwrap();
            let elsewhere = mapping.elsewhere(&uri);
            assert!(elsewhere.authority().is_some(), "{mapping:?}: {elsewhere}");
            assert!(
                elsewhere.path().ends_with("/b%20c"),
                "{mapping:?}: {elsewhere}"
            );
            assert_eq!(elsewhere.query(), Some("d=e"), "{mapping:?}: {elsewhere}");
        }
        let environment = serve.rights.environment();
        assert!(environment.iter().all(|(name, _)| !name.is_empty()));
    }
    if let Ok(Host { host }) = Host::try_parse_from(&words) {
        assert!(!host.command.is_empty());
        assert!(host.argv().is_ok());
        assert!(host.timeout.is_none_or(|timeout| !timeout.is_zero()));
    }
}
