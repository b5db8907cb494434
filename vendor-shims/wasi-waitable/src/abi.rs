//! The canonical built-ins and the imports of WASI 0.3, as the linker knows them.
//!
//! The layouts are those of the canonical ABI for the types of `wit/`.

/// An event of [`waitable_set_wait`]: nothing has happened.
pub(crate) const EVENT_NONE: u32 = 0;
/// The task that waits is to end.
pub(crate) const EVENT_CANCEL: u32 = 6;

/// What an export's callback returns: the task has exited.
pub(crate) const EXIT: u32 = 0;
/// It is to be called again.
pub(crate) const YIELD: u32 = 1;

/// It is to be called with the next event of `set`.
pub(crate) const fn wait_on(set: u32) -> u32 {
    2 | set << 4
}

/// What an operation on a stream or a future returns that is not finished.
pub(crate) const BLOCKED: u32 = u32::MAX;
/// In the low bits of what it returns otherwise: the other end is gone.
pub(crate) const DROPPED: u32 = 1;

/// The state of a subtask that has its result.
pub(crate) const RETURNED: u32 = 2;

/// A call that takes an address as parameters of its own, not in memory.
macro_rules! flat_call {
    ($name:ident, $link_name:literal) => {
        pub(crate) unsafe fn $name(socket: u32, address: Flat, result: *mut u8) {
            #[link(wasm_import_module = "wasi:sockets/types@0.3.2")]
            extern "C" {
                #[link_name = $link_name]
                fn call(
                    socket: u32,
                    family: u32,
                    _: u32,
                    _: u32,
                    _: u32,
                    _: u32,
                    _: u32,
                    _: u32,
                    _: u32,
                    _: u32,
                    _: u32,
                    _: u32,
                    _: u32,
                    result: *mut u8,
                );
            }
            let [a, b, c, d, e, f, g, h, i, j, k, l] = address;
            // SAFETY: the caller gives a socket's handle and room for the result.
            unsafe { call(socket, a, b, c, d, e, f, g, h, i, j, k, l, result) }
        }
    };
}

#[link(wasm_import_module = "$root")]
extern "C" {
    #[link_name = "[waitable-set-new]"]
    pub(crate) fn waitable_set_new() -> u32;
    #[link_name = "[waitable-join]"]
    pub(crate) fn waitable_join(waitable: u32, set: u32);
    #[link_name = "[waitable-set-wait]"]
    pub(crate) fn waitable_set_wait(set: u32, payload: *mut [u32; 2]) -> u32;
    #[link_name = "[waitable-set-poll]"]
    pub(crate) fn waitable_set_poll(set: u32, payload: *mut [u32; 2]) -> u32;
    #[link_name = "[thread-yield]"]
    pub(crate) fn thread_yield() -> u32;
    #[link_name = "[subtask-cancel]"]
    pub(crate) fn subtask_cancel(subtask: u32) -> u32;
    #[link_name = "[subtask-drop]"]
    pub(crate) fn subtask_drop(subtask: u32);
    #[link_name = "[context-get-0]"]
    pub(crate) fn context_get() -> u32;
    #[link_name = "[context-set-0]"]
    pub(crate) fn context_set(value: u32);
    #[link_name = "[stream-new-unit]"]
    pub(crate) fn new_unit_stream() -> u64;
    #[link_name = "[async-lower][stream-read-unit]"]
    pub(crate) fn read_unit(stream: u32, to: *mut u8, n: usize) -> u32;
    #[link_name = "[async-lower][stream-write-unit]"]
    pub(crate) fn write_unit(stream: u32, from: *const u8, n: usize) -> u32;
}

#[link(wasm_import_module = "[export]$root")]
extern "C" {
    #[link_name = "[task-cancel]"]
    pub(crate) fn task_cancel();
}

#[link(wasm_import_module = "wasi:clocks/monotonic-clock@0.3.2")]
extern "C" {
    #[link_name = "now"]
    pub(crate) fn now() -> u64;
    #[link_name = "[async-lower]wait-until"]
    pub(crate) fn wait_until(when: u64) -> u32;
}

#[link(wasm_import_module = "wasi:cli/exit@0.3.2")]
extern "C" {
    #[link_name = "exit-with-code"]
    pub(crate) fn exit_with_code(code: u32);
}

pub(crate) mod stdin {
    #[link(wasm_import_module = "wasi:cli/stdin@0.3.2")]
    extern "C" {
        #[link_name = "read-via-stream"]
        pub(crate) fn read_via_stream(stream_and_result: *mut [u32; 2]);
        #[link_name = "[async-lower][stream-read-0]read-via-stream"]
        pub(crate) fn read(stream: u32, to: *mut u8, n: usize) -> u32;
    }
}

macro_rules! output {
    ($name:ident, $module:literal) => {
        pub(crate) mod $name {
            #[link(wasm_import_module = $module)]
            extern "C" {
                #[link_name = "write-via-stream"]
                pub(crate) fn write_via_stream(stream: u32) -> u32;
                #[link_name = "[stream-new-0]write-via-stream"]
                pub(crate) fn new() -> u64;
                #[link_name = "[async-lower][stream-write-0]write-via-stream"]
                pub(crate) fn write(stream: u32, from: *mut u8, n: usize) -> u32;
            }
        }
    };
}

output!(stdout, "wasi:cli/stdout@0.3.2");
output!(stderr, "wasi:cli/stderr@0.3.2");

#[link(wasm_import_module = "wasi:sockets/ip-name-lookup@0.3.2")]
extern "C" {
    #[link_name = "[async-lower]resolve-addresses"]
    pub(crate) fn resolve_addresses(name: *const u8, len: usize, result: *mut u8) -> u32;
}

pub(crate) mod tcp {
    use crate::net::address::Flat;

    #[link(wasm_import_module = "wasi:sockets/types@0.3.2")]
    extern "C" {
        #[link_name = "[resource-drop]tcp-socket"]
        pub(crate) fn drop(socket: u32);
        #[link_name = "[static]tcp-socket.create"]
        pub(crate) fn create(family: u32, result: *mut u8);
        #[link_name = "[async-lower][method]tcp-socket.connect"]
        pub(crate) fn connect(parameters: *const u8, result: *mut u8) -> u32;
        #[link_name = "[method]tcp-socket.listen"]
        pub(crate) fn listen(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.send"]
        pub(crate) fn send(socket: u32, stream: u32) -> u32;
        #[link_name = "[method]tcp-socket.receive"]
        pub(crate) fn receive(socket: u32, stream_and_result: *mut [u32; 2]);
        #[link_name = "[method]tcp-socket.get-local-address"]
        pub(crate) fn local_address(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.get-remote-address"]
        pub(crate) fn remote_address(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.set-listen-backlog-size"]
        pub(crate) fn set_listen_backlog_size(socket: u32, value: u64, result: *mut u8);
        #[link_name = "[method]tcp-socket.get-keep-alive-enabled"]
        pub(crate) fn keep_alive_enabled(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.set-keep-alive-enabled"]
        pub(crate) fn set_keep_alive_enabled(socket: u32, value: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.get-keep-alive-idle-time"]
        pub(crate) fn keep_alive_idle_time(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.set-keep-alive-idle-time"]
        pub(crate) fn set_keep_alive_idle_time(socket: u32, value: u64, result: *mut u8);
        #[link_name = "[method]tcp-socket.get-keep-alive-interval"]
        pub(crate) fn keep_alive_interval(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.set-keep-alive-interval"]
        pub(crate) fn set_keep_alive_interval(socket: u32, value: u64, result: *mut u8);
        #[link_name = "[method]tcp-socket.get-keep-alive-count"]
        pub(crate) fn keep_alive_count(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.set-keep-alive-count"]
        pub(crate) fn set_keep_alive_count(socket: u32, value: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.get-hop-limit"]
        pub(crate) fn hop_limit(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.set-hop-limit"]
        pub(crate) fn set_hop_limit(socket: u32, value: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.get-receive-buffer-size"]
        pub(crate) fn receive_buffer_size(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.set-receive-buffer-size"]
        pub(crate) fn set_receive_buffer_size(socket: u32, value: u64, result: *mut u8);
        #[link_name = "[method]tcp-socket.get-send-buffer-size"]
        pub(crate) fn send_buffer_size(socket: u32, result: *mut u8);
        #[link_name = "[method]tcp-socket.set-send-buffer-size"]
        pub(crate) fn set_send_buffer_size(socket: u32, value: u64, result: *mut u8);

        #[link_name = "[stream-new-0][method]tcp-socket.send"]
        pub(crate) fn new_stream() -> u64;
        #[link_name = "[async-lower][stream-write-0][method]tcp-socket.send"]
        pub(crate) fn write(stream: u32, from: *mut u8, n: usize) -> u32;
        #[link_name = "[stream-cancel-write-0][method]tcp-socket.send"]
        pub(crate) fn cancel_write(stream: u32) -> u32;
        #[link_name = "[stream-drop-writable-0][method]tcp-socket.send"]
        pub(crate) fn drop_writable(stream: u32);
        #[link_name = "[async-lower][stream-read-0][method]tcp-socket.receive"]
        pub(crate) fn read(stream: u32, to: *mut u8, n: usize) -> u32;
        #[link_name = "[stream-cancel-read-0][method]tcp-socket.receive"]
        pub(crate) fn cancel_read(stream: u32) -> u32;
        #[link_name = "[stream-drop-readable-0][method]tcp-socket.receive"]
        pub(crate) fn drop_readable(stream: u32);
        #[link_name = "[async-lower][stream-read-0][method]tcp-socket.listen"]
        pub(crate) fn accept(stream: u32, to: *mut u8, n: usize) -> u32;
        #[link_name = "[stream-cancel-read-0][method]tcp-socket.listen"]
        pub(crate) fn cancel_accept(stream: u32) -> u32;
        #[link_name = "[stream-drop-readable-0][method]tcp-socket.listen"]
        pub(crate) fn drop_accept(stream: u32);
        #[link_name = "[async-lower][future-read-1][method]tcp-socket.receive"]
        pub(crate) fn read_result(future: u32, to: *mut u8) -> u32;
        #[link_name = "[future-cancel-read-1][method]tcp-socket.receive"]
        pub(crate) fn cancel_read_result(future: u32) -> u32;
        #[link_name = "[future-drop-readable-1][method]tcp-socket.receive"]
        pub(crate) fn drop_result(future: u32);
    }

    flat_call!(bind, "[method]tcp-socket.bind");
}

pub(crate) mod udp {
    use crate::net::address::Flat;

    #[link(wasm_import_module = "wasi:sockets/types@0.3.2")]
    extern "C" {
        #[link_name = "[resource-drop]udp-socket"]
        pub(crate) fn drop(socket: u32);
        #[link_name = "[static]udp-socket.create"]
        pub(crate) fn create(family: u32, result: *mut u8);
        #[link_name = "[method]udp-socket.disconnect"]
        pub(crate) fn disconnect(socket: u32, result: *mut u8);
        #[link_name = "[async-lower][method]udp-socket.send"]
        pub(crate) fn send(parameters: *const u8, result: *mut u8) -> u32;
        #[link_name = "[async-lower][method]udp-socket.receive"]
        pub(crate) fn receive(socket: u32, result: *mut u8) -> u32;
        #[link_name = "[method]udp-socket.get-local-address"]
        pub(crate) fn local_address(socket: u32, result: *mut u8);
        #[link_name = "[method]udp-socket.get-remote-address"]
        pub(crate) fn remote_address(socket: u32, result: *mut u8);
        #[link_name = "[method]udp-socket.get-unicast-hop-limit"]
        pub(crate) fn hop_limit(socket: u32, result: *mut u8);
        #[link_name = "[method]udp-socket.set-unicast-hop-limit"]
        pub(crate) fn set_hop_limit(socket: u32, value: u32, result: *mut u8);
        #[link_name = "[method]udp-socket.get-receive-buffer-size"]
        pub(crate) fn receive_buffer_size(socket: u32, result: *mut u8);
        #[link_name = "[method]udp-socket.set-receive-buffer-size"]
        pub(crate) fn set_receive_buffer_size(socket: u32, value: u64, result: *mut u8);
        #[link_name = "[method]udp-socket.get-send-buffer-size"]
        pub(crate) fn send_buffer_size(socket: u32, result: *mut u8);
        #[link_name = "[method]udp-socket.set-send-buffer-size"]
        pub(crate) fn set_send_buffer_size(socket: u32, value: u64, result: *mut u8);
    }

    flat_call!(bind, "[method]udp-socket.bind");
    flat_call!(connect, "[method]udp-socket.connect");
}
