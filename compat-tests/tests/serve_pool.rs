//! What is set aside for the instances of a server: enough for what the
//! component is made of, and where that cannot be had, nothing.

use std::fs;
use std::path::PathBuf;
use std::thread;

use crate::server::{self, Request, Server};
use crate::tool::Tool;

/// A handler of three programs, each with a memory and a table of its own, which
/// computes for ever.
const THREE: &str = r#"(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $out))
  (core module $main (memory 1) (table 2 funcref)
    (func (export "handle") (param i32 i32) (loop (br 0))))
  (core module $other (memory 1) (table 2 funcref))
  (core instance $one (instantiate $main))
  (core instance (instantiate $other))
  (core instance (instantiate $other))
  (func $handle (param "request" (own $request)) (param "response-out" (own $out))
    (canon lift (core func $one "handle")))
  (component $shape
    (import "request" (type $request (sub resource)))
    (import "out" (type $out (sub resource)))
    (import "handle" (func $handle (param "request" (own $request))
      (param "response-out" (own $out))))
    (export "handle" (func $handle)))
  (instance $handler (instantiate $shape
    (with "request" (type $request)) (with "out" (type $out)) (with "handle" (func $handle))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#;

fn composed(directory: &tempfile::TempDir) -> PathBuf {
    let path = directory.path().join("three.wasm");
    fs::write(&path, wat::parse_str(THREE).unwrap()).unwrap();
    path
}

#[test]
fn a_component_of_three_programs_has_as_many_instances_as_one_of_one() {
    let directory = tempfile::TempDir::new().unwrap();
    let tool = Tool::new("serve")
        .args([
            "--addr",
            "127.0.0.1:0",
            "--max-instances",
            "4",
            "--timeout",
            "2s",
        ])
        .arg(composed(&directory));
    let server = Server::start(tool.into_command());
    thread::scope(|scope| {
        let asked: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| server.ask(&Request::get("/")).status))
            .collect();
        for asked in asked {
            // Its time is over; 500 is that of an instance that could not be made.
            assert_eq!(asked.join().unwrap(), 504);
        }
    });
}

/// 1,000 instances reserve some terabytes of addresses.
#[test]
fn where_addresses_are_few_it_serves_and_says_that_it_is_slower() {
    let tool = Tool::new("serve")
        .args(["--addr", "127.0.0.1:0"])
        .arg(server::component("hello"));
    let mut server = Server::start(tool.limited("-v 4000000"));
    for _ in 0..3 {
        assert_eq!(server.ask(&Request::get("/")).text(), "Hello, World!");
    }
    assert_eq!(server.interrupt(), Some(0), "{}", server.said());
    let said = server.said();
    assert!(
        said.contains("ulimit -v") && said.contains("--max-instances"),
        "{said}"
    );
}

#[test]
fn where_addresses_are_few_a_program_runs() {
    let component = crate::tool::component("run", "end", &[]);
    let tool = Tool::new("host").arg(component).arg("well");
    let ended = tool.limited("-v 4000000").output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
}
