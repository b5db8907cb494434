//! The entry of a socket in wasi-libc's table of descriptors.
//!
//! All of wasi-libc's private interface is in this file. An entry is a pointer to
//! data and one to a table of functions. The data starts with a reference count,
//! 0 for one reference (from July 2026 on; not looked at before). The functions
//! are known in two orders: with `close_streams` among those of files, and
//! without. `listen(2)` on an entry with a function of its type in every slot
//! tells which it is; where it calls another one than expected, nothing works.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::OnceLock;

use super::address::{from_libc, to_libc};
use super::{options, Direction, Kind, Socket, Tcp, Udp};
use crate::weak::weak;

/// More than any version of wasi-libc has.
const SLOTS: usize = 40;

const FREE: usize = 0;
const SET_BLOCKING: usize = 3;
const FSTAT: usize = 4;
/// The slot of `listen(2)`, with `close_streams` and without.
const LISTEN: [usize; 2] = [16, 15];

/// A function of whatever type: wasi-libc calls it by its own.
type Slot = *const c_void;

/// `descriptor_vtable_t`
#[repr(C)]
struct Functions([Slot; SLOTS]);

// SAFETY: it is not written to.
unsafe impl Sync for Functions {}
// SAFETY: as above.
unsafe impl Send for Functions {}

/// A level and a name of `getsockopt(2)` that stand for the address of the
/// socket itself, which no option has.
const SOCKET_ITSELF: (c_int, c_int) = (0x3057_a17e, 0x3057_a17e);

/// Defined for the whole program, in place of wasi-libc's.
#[no_mangle]
unsafe extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    status((|| {
        if domain != libc::AF_INET && domain != libc::AF_INET6 {
            return Err(libc::EAFNOSUPPORT);
        }
        let non_blocking = kind & libc::SOCK_NONBLOCK != 0;
        let kind = match (kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC), protocol) {
            (libc::SOCK_STREAM, 0 | libc::IPPROTO_TCP) => Kind::Tcp(Tcp::new(domain)?),
            (libc::SOCK_DGRAM, 0 | libc::IPPROTO_UDP) => Kind::Udp(Udp::new(domain)?),
            _ => return Err(libc::EPROTONOSUPPORT),
        };
        insert(Socket::new(kind, non_blocking))
    })())
}

/// The socket that a descriptor stands for.
pub(super) fn socket_of(fd: RawFd) -> io::Result<&'static Socket> {
    let mut socket: *const Socket = std::ptr::null();
    let mut len = size_of_val(&socket) as libc::socklen_t;
    let (level, name) = SOCKET_ITSELF;
    // SAFETY: there is room for a pointer.
    let n = unsafe { libc::getsockopt(fd, level, name, (&raw mut socket).cast(), &mut len) };
    if n == 0 && !socket.is_null() {
        // SAFETY: it is what `getsockopt` below has given, of an open descriptor,
        // and the callers do not keep it.
        return Ok(unsafe { &*socket });
    }
    let err = io::Error::last_os_error();
    if err.raw_os_error() == Some(libc::EBADF) {
        return Err(err);
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "on WASI 0.3 a file descriptor can be waited for only if it is a socket",
    ))
}

fn insert(socket: Socket) -> Result<c_int, c_int> {
    let functions = functions()?;
    let Some(descriptor_table_insert) = weak().descriptor_table_insert else {
        return Err(libc::ENOTSUP);
    };
    let data = Box::into_raw(Box::new(socket));
    // SAFETY: the data and the functions are laid out as said above, and stay
    // until wasi-libc calls `free`, which it does once: on the last `close`, or
    // here, if it fails.
    let fd =
        unsafe { descriptor_table_insert(&mut [data as usize, functions as *const _ as usize]) };
    if fd < 0 {
        return Err(errno());
    }
    Ok(fd)
}

/// The functions of a socket, for the wasi-libc that is linked.
fn functions() -> Result<&'static Functions, c_int> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();

    let functions = FUNCTIONS.get_or_init(|| {
        let at = listen_slot()?;
        if !LISTEN.contains(&at) {
            return None;
        }
        let mut slots: [Slot; SLOTS] = [std::ptr::null(); SLOTS];
        slots[FREE] = free as Slot;
        slots[SET_BLOCKING] = set_blocking as Slot;
        slots[FSTAT] = fstat as Slot;
        // From here on the order is the same, as seen from `listen`.
        let socket: [(isize, Slot); 13] = [
            (-8, fcntl_getfl as Slot),
            (-7, fcntl_setfl as Slot),
            (-5, accept4 as Slot),
            (-4, bind as Slot),
            (-3, connect as Slot),
            (-2, getsockname as Slot),
            (-1, getpeername as Slot),
            (0, listen as Slot),
            (1, recvfrom as Slot),
            (2, sendto as Slot),
            (3, shutdown as Slot),
            (4, getsockopt as Slot),
            (5, setsockopt as Slot),
        ];
        for (offset, function) in socket {
            slots[at.checked_add_signed(offset)?] = function;
        }
        Some(Functions(slots))
    });
    functions.as_ref().ok_or(libc::ENOTSUP)
}

/// Which slot `listen(2)` calls.
fn listen_slot() -> Option<usize> {
    static CALLED: AtomicUsize = AtomicUsize::new(0);

    unsafe extern "C" fn probe<const NUMBER: usize>(_: *mut c_void, _: c_int) -> c_int {
        CALLED.store(NUMBER, Relaxed);
        0
    }

    unsafe extern "C" fn free_probe(data: *mut u32) {
        // SAFETY: it is the data that is inserted below.
        drop(unsafe { Box::from_raw(data) });
    }

    static PROBES: OnceLock<Functions> = OnceLock::new();
    let probes = PROBES.get_or_init(|| {
        let mut slots: [Slot; SLOTS] = [std::ptr::null(); SLOTS];
        slots[FREE] = free_probe as Slot;
        slots[FSTAT] = fstat as Slot;
        let listen: [Slot; 6] = [
            probe::<13> as Slot,
            probe::<14> as Slot,
            probe::<15> as Slot,
            probe::<16> as Slot,
            probe::<17> as Slot,
            probe::<18> as Slot,
        ];
        slots[13..19].copy_from_slice(&listen);
        Functions(slots)
    });
    let data = Box::into_raw(Box::new(0u32));
    // SAFETY: as in `insert`; the descriptor is this function's alone, and
    // `listen` only calls a function of its own type, or traps.
    unsafe {
        let fd = weak().descriptor_table_insert?(&mut [data as usize, probes as *const _ as usize]);
        if fd < 0 {
            return None;
        }
        libc::listen(fd, 1);
        libc::close(fd);
    }
    Some(CALLED.load(Relaxed))
}

fn errno() -> c_int {
    // SAFETY: errno is always there.
    unsafe { *libc::__errno_location() }
}

/// A result as functions of libc have it.
fn status(result: Result<c_int, c_int>) -> c_int {
    result.unwrap_or_else(|error| {
        // SAFETY: errno is always there to be written.
        unsafe { *libc::__errno_location() = error };
        -1
    })
}

unsafe extern "C" fn free(socket: *mut Socket) {
    // SAFETY: it is what `insert` has made. What happens here is not to hide why
    // the descriptor is closed.
    unsafe {
        let errno = errno();
        drop(Box::from_raw(socket));
        *libc::__errno_location() = errno;
    }
}

// For all functions below: wasi-libc calls them with the data of an open
// descriptor, which is what `insert` has made, and with what its caller gave it.

unsafe extern "C" fn set_blocking(socket: &Socket, blocking: bool) -> c_int {
    socket.non_blocking.set(!blocking);
    0
}

unsafe extern "C" fn fstat(_: *mut c_void, to: *mut libc::stat) -> c_int {
    // SAFETY: zero is a valid value, and there is room for it.
    unsafe {
        to.write(std::mem::zeroed());
        (*to).st_mode = libc::S_IFSOCK;
    }
    0
}

unsafe extern "C" fn fcntl_getfl(socket: &Socket) -> c_int {
    libc::O_RDWR
        | if socket.non_blocking.get() {
            libc::O_NONBLOCK
        } else {
            0
        }
}

unsafe extern "C" fn fcntl_setfl(socket: &Socket, flags: c_int) -> c_int {
    socket.non_blocking.set(flags & libc::O_NONBLOCK != 0);
    0
}

unsafe extern "C" fn accept4(
    socket: &Socket,
    address: *mut libc::sockaddr,
    len: *mut libc::socklen_t,
    flags: c_int,
) -> c_int {
    status((|| {
        let Kind::Tcp(tcp) = &socket.kind else {
            return Err(libc::EOPNOTSUPP);
        };
        // Of a connection that is reset by now nobody can say whose it was: it is
        // dropped, as some systems do by themselves. Without an address, the
        // standard library's `accept` fails, and servers pause then.
        let (accepted, peer) = socket.blocking(Direction::Read, || loop {
            let accepted = tcp.accept()?;
            if let Ok(peer) = accepted.remote_address() {
                return Ok((accepted, peer));
            }
        })?;
        // SAFETY: the caller gives room for an address, or none.
        unsafe { to_libc(&peer, address, len) };
        let non_blocking = flags & libc::SOCK_NONBLOCK != 0;
        insert(Socket::new(Kind::Tcp(accepted), non_blocking))
    })())
}

unsafe extern "C" fn bind(
    socket: &Socket,
    address: *const libc::sockaddr,
    len: libc::socklen_t,
) -> c_int {
    status((|| {
        // SAFETY: the caller gives an address of this length.
        let address = unsafe { from_libc(address, len) }?;
        match &socket.kind {
            Kind::Tcp(tcp) => tcp.bind(&address)?,
            Kind::Udp(udp) => udp.bind(&address)?,
        }
        Ok(0)
    })())
}

unsafe extern "C" fn connect(
    socket: &Socket,
    address: *const libc::sockaddr,
    len: libc::socklen_t,
) -> c_int {
    status((|| {
        let tcp = match &socket.kind {
            Kind::Tcp(tcp) => tcp,
            Kind::Udp(udp) => {
                // SAFETY: the caller gives an address of this length.
                let disconnect = unsafe { c_int::from((*address).sa_family) } == libc::AF_UNSPEC;
                // SAFETY: as above.
                let address = unsafe { from_libc(address, len) };
                let address = if disconnect { None } else { Some(address?) };
                udp.connect(address.as_ref())?;
                return Ok(0);
            }
        };
        // SAFETY: as above.
        let address = unsafe { from_libc(address, len) }?;
        match tcp.connect(&address) {
            Err(libc::EINPROGRESS) if !socket.non_blocking.get() => {}
            result => return result.map(|()| 0),
        }
        while tcp.is_connecting() {
            socket.block(Direction::Write, None)?;
        }
        match tcp.take_error() {
            0 => Ok(0),
            error => Err(error),
        }
    })())
}

unsafe extern "C" fn getsockname(
    socket: &Socket,
    address: *mut libc::sockaddr,
    len: *mut libc::socklen_t,
) -> c_int {
    status((|| {
        let (local, family) = match &socket.kind {
            Kind::Tcp(tcp) => {
                // A connect that is done may have bound it.
                tcp.is_connecting();
                (tcp.local_address()?, tcp.family)
            }
            Kind::Udp(udp) => (udp.local_address()?, udp.family),
        };
        let unbound = if family == libc::AF_INET {
            std::net::Ipv4Addr::UNSPECIFIED.into()
        } else {
            std::net::Ipv6Addr::UNSPECIFIED.into()
        };
        let local = local.unwrap_or(std::net::SocketAddr::new(unbound, 0));
        // SAFETY: the caller gives room for an address, or none.
        unsafe { to_libc(&local, address, len) };
        Ok(0)
    })())
}

unsafe extern "C" fn getpeername(
    socket: &Socket,
    address: *mut libc::sockaddr,
    len: *mut libc::socklen_t,
) -> c_int {
    status((|| {
        let peer = match &socket.kind {
            Kind::Tcp(tcp) => tcp.remote_address().map_err(|_| libc::ENOTCONN)?,
            Kind::Udp(udp) => udp.remote_address()?,
        };
        // SAFETY: the caller gives room for an address, or none.
        unsafe { to_libc(&peer, address, len) };
        Ok(0)
    })())
}

unsafe extern "C" fn listen(socket: &Socket, backlog: c_int) -> c_int {
    status(match &socket.kind {
        Kind::Tcp(tcp) => tcp.listen(backlog as u32).map(|()| 0),
        Kind::Udp(_) => Err(libc::EOPNOTSUPP),
    })
}

unsafe extern "C" fn recvfrom(
    socket: &Socket,
    to: *mut u8,
    len: usize,
    flags: c_int,
    address: *mut libc::sockaddr,
    address_len: *mut libc::socklen_t,
) -> isize {
    let peek = flags & libc::MSG_PEEK != 0;
    if flags & !libc::MSG_PEEK != 0 {
        return status(Err(libc::EOPNOTSUPP)) as isize;
    }
    let received = socket.blocking(Direction::Read, || match &socket.kind {
        // SAFETY: the caller gives a buffer of this length.
        Kind::Tcp(tcp) => unsafe { tcp.receive(to, len, peek) },
        // SAFETY: as above, and room for an address, or none.
        Kind::Udp(udp) => unsafe {
            let (n, from) = udp.receive(to, len, peek)?;
            to_libc(&from, address, address_len);
            Ok(n)
        },
    });
    status(received.map(|n| n as c_int)) as isize
}

unsafe extern "C" fn sendto(
    socket: &Socket,
    from: *const u8,
    len: usize,
    flags: c_int,
    address: *const libc::sockaddr,
    address_len: libc::socklen_t,
) -> isize {
    if flags & !libc::MSG_NOSIGNAL != 0 {
        return status(Err(libc::EOPNOTSUPP)) as isize;
    }
    let to = if address.is_null() {
        None
    } else {
        // SAFETY: the caller gives an address of this length.
        match unsafe { from_libc(address, address_len) } {
            Ok(address) => Some(address),
            Err(error) => return status(Err(error)) as isize,
        }
    };
    let sent = socket.blocking(Direction::Write, || match &socket.kind {
        Kind::Tcp(_) if to.is_some() => Err(libc::EISCONN),
        // SAFETY: the caller gives a buffer of this length.
        Kind::Tcp(tcp) => unsafe { tcp.send(from, len) },
        // SAFETY: as above.
        Kind::Udp(udp) => unsafe { udp.send(from, len, to.as_ref()) },
    });
    status(sent.map(|n| n as c_int)) as isize
}

unsafe extern "C" fn shutdown(socket: &Socket, how: c_int) -> c_int {
    let read = how == libc::SHUT_RD || how == libc::SHUT_RDWR;
    let write = how == libc::SHUT_WR || how == libc::SHUT_RDWR;
    status(match &socket.kind {
        Kind::Tcp(_) if !read && !write => Err(libc::EINVAL),
        Kind::Tcp(tcp) => tcp.shutdown(read, write).map(|()| 0),
        Kind::Udp(_) => Err(libc::EOPNOTSUPP),
    })
}

unsafe extern "C" fn getsockopt(
    socket: &Socket,
    level: c_int,
    name: c_int,
    to: *mut c_void,
    len: *mut libc::socklen_t,
) -> c_int {
    if (level, name) == SOCKET_ITSELF {
        // SAFETY: `socket_of` gives room for a pointer.
        unsafe { to.cast::<*const Socket>().write(socket) };
        return 0;
    }
    // SAFETY: the caller gives room for so many bytes.
    status(unsafe { options::get(socket, level, name, to, len) }.map(|()| 0))
}

unsafe extern "C" fn setsockopt(
    socket: &Socket,
    level: c_int,
    name: c_int,
    from: *const c_void,
    len: libc::socklen_t,
) -> c_int {
    // SAFETY: the caller gives so many bytes.
    status(unsafe { options::set(socket, level, name, from, len) }.map(|()| 0))
}
