// Runs a transpiled component: node host.mjs OPTIONS, a file with JSON of
//
// component    the directory that transpile.mjs wrote to
// args, env    the guest's arguments and its whole environment
// directories  the guest's directories, each with the host's path
// network, nameLookup, http   its rights
// listen       host and port to serve wasi:http on, or null to run a command
// reuse        how many requests an instance may answer

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import * as wasi from "@bytecodealliance/preview2-shim";
import { HTTPServer } from "@bytecodealliance/preview2-shim/http";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";

// As a native program that aborts: 128 + SIGABRT.
const TRAPPED = 134;

const options = JSON.parse(readFileSync(process.argv[2], "utf8"));

// The first thing refused for want of each right, by the flag that gives it.
const denials = new Map();
function deny(flag, what, error) {
  if (!denials.has(flag)) denials.set(flag, what);
  throw error;
}
process.on("exit", () => {
  for (const [flag, what] of denials) {
    process.stderr.write(
      `warning: the guest was refused ${what}; \`${flag}\` allows it\n`,
    );
  }
});

function sockets() {
  const all = wasi.sockets;
  const limited = { ...all };
  if (!options.network) {
    const denied = (create) => ({
      ...create,
      createTcpSocket: () => deny("--network", "a TCP socket", "access-denied"),
      createUdpSocket: () => deny("--network", "a UDP socket", "access-denied"),
    });
    limited.tcpCreateSocket = denied(all.tcpCreateSocket);
    limited.udpCreateSocket = denied(all.udpCreateSocket);
  }
  if (!options.nameLookup) {
    limited.ipNameLookup = {
      ...all.ipNameLookup,
      resolveAddresses: (_network, name) =>
        deny("--name-lookup", `a lookup of the name ${name}`, "access-denied"),
    };
  }
  return limited;
}

function http() {
  const all = wasi.http;
  if (options.http) return all;
  return {
    ...all,
    outgoingHandler: {
      ...all.outgoingHandler,
      handle: () =>
        deny("--http", "an HTTP request", { tag: "HTTP-request-denied" }),
    },
  };
}

// jco's server reads the body of every response that is set, and fails where
// the guest has not asked for one because there is nothing to send.
function giveEveryResponseABody() {
  const { OutgoingBody, OutgoingResponse, ResponseOutparam } = wasi.http.types;
  const { body: getBody } = OutgoingResponse.prototype;
  const { set } = ResponseOutparam;
  const asked = new WeakSet();
  OutgoingResponse.prototype.body = function () {
    asked.add(this);
    return getBody.call(this);
  };
  ResponseOutparam.set = (outparam, response) => {
    const empty = response.tag === "ok" && !asked.has(response.val);
    const body = empty ? response.val.body() : undefined;
    set.call(ResponseOutparam, outparam, response);
    if (body) OutgoingBody.finish(body, undefined);
  };
}

function imports() {
  return new WASIShim({
    http: http(),
    sockets: sockets(),
    sandbox: {
      args: options.args,
      env: options.env,
      preopens: options.directories,
    },
  }).getImportObject();
}

const modules = new Map();
function coreModule(name) {
  let module = modules.get(name);
  if (!module) {
    module = new WebAssembly.Module(
      readFileSync(join(options.component, name)),
    );
    modules.set(name, module);
  }
  return module;
}

const { instantiate } = await import(
  pathToFileURL(join(options.component, "component.js"))
);
const instance = () => instantiate(coreModule, imports());

// The export `name` of an instance, whatever version it is of.
function exported(instance, name) {
  const key = Object.keys(instance).find(
    (key) => key === name || key.startsWith(`${name}@`),
  );
  return key && instance[key];
}

function run() {
  const command = exported(instance(), "wasi:cli/run");
  if (!command) {
    process.stderr.write(
      "error: it is not a command, because it does not export `wasi:cli/run`\n",
    );
    process.exit(1);
  }
  try {
    command.run();
  } catch (error) {
    // The error of `wasi:cli/run`, which has no payload, is thrown as it is.
    if (error === undefined) process.exit(1);
    process.stderr.write(`error: the guest trapped\n${error?.stack ?? error}\n`);
    process.exit(TRAPPED);
  }
  process.exit(0);
}

function serve({ host, port }) {
  giveEveryResponseABody();
  let current;
  let served = 0;
  const server = new HTTPServer({
    handle(request, outparam) {
      if (!current || served >= options.reuse) {
        current = exported(instance(), "wasi:http/incoming-handler");
        served = 0;
      }
      served += 1;
      current.handle(request, outparam);
    },
  });
  if (!exported(instance(), "wasi:http/incoming-handler")) {
    process.stderr.write(
      "error: it does not export `wasi:http/incoming-handler`\n",
    );
    process.exit(1);
  }
  // Whoever started this ends it by closing the pipe, and be it by being killed.
  process.stdin.on("end", () => process.exit(0)).resume();
  server.listen(port, host);
  const address = server.address();
  process.stdout.write(`http://${host}:${address?.port ?? port}/\n`);
}

if (options.listen) serve(options.listen);
else run();
