//! The options of sockets, as far as WASI has them.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::time::Duration;

use super::tcp::Opt;
use super::{Kind, Socket};

const NANOS: u64 = 1_000_000_000;

impl Socket {
    fn option(&self, option: Opt) -> Result<u64, c_int> {
        match &self.kind {
            Kind::Tcp(tcp) => tcp.option(option),
            Kind::Udp(udp) => udp.option(option),
        }
    }

    fn set_option(&self, option: Opt, value: u64) -> Result<(), c_int> {
        match &self.kind {
            Kind::Tcp(tcp) => tcp.set_option(option, value),
            Kind::Udp(udp) => udp.set_option(option, value),
        }
    }

    fn family(&self) -> c_int {
        match &self.kind {
            Kind::Tcp(tcp) => tcp.family,
            Kind::Udp(udp) => udp.family,
        }
    }

    /// The option's place in WASI, and how many of its units one here has.
    fn place(&self, level: c_int, name: c_int) -> Option<(Opt, u64)> {
        let is_tcp = matches!(self.kind, Kind::Tcp(_));
        Some(match (level, name) {
            (libc::SOL_SOCKET, libc::SO_RCVBUF) => (Opt::ReceiveBuffer, 1),
            (libc::SOL_SOCKET, libc::SO_SNDBUF) => (Opt::SendBuffer, 1),
            (libc::IPPROTO_IP, libc::IP_TTL) if self.family() == libc::AF_INET => {
                (Opt::HopLimit, 1)
            }
            (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS) if self.family() == libc::AF_INET6 => {
                (Opt::HopLimit, 1)
            }
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE) if is_tcp => (Opt::KeepAlive, 1),
            (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE) if is_tcp => (Opt::KeepAliveIdle, NANOS),
            (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL) if is_tcp => (Opt::KeepAliveInterval, NANOS),
            (libc::IPPROTO_TCP, libc::TCP_KEEPCNT) if is_tcp => (Opt::KeepAliveCount, 1),
            _ => return None,
        })
    }

    fn timeout(&self, level: c_int, name: c_int) -> Option<&Cell<Option<Duration>>> {
        match (level, name) {
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO) => Some(&self.read_timeout),
            (libc::SOL_SOCKET, libc::SO_SNDTIMEO) => Some(&self.write_timeout),
            _ => None,
        }
    }
}

/// # Safety
///
/// `to` points to room for `*len` bytes.
pub(super) unsafe fn get(
    socket: &Socket,
    level: c_int,
    name: c_int,
    to: *mut c_void,
    len: *mut libc::socklen_t,
) -> Result<(), c_int> {
    if let Some(timeout) = socket.timeout(level, name) {
        let timeout = timeout.get().unwrap_or_default();
        let timeout = libc::timeval {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_usec: timeout.subsec_micros() as libc::suseconds_t,
        };
        // SAFETY: as the caller says.
        return unsafe { put(timeout, to, len) };
    }
    let value = match (level, name, &socket.kind) {
        (libc::SOL_SOCKET, libc::SO_ERROR, Kind::Tcp(tcp)) => tcp.take_error(),
        (libc::SOL_SOCKET, libc::SO_ERROR, Kind::Udp(_)) => 0,
        (libc::SOL_SOCKET, libc::SO_TYPE, Kind::Tcp(_)) => libc::SOCK_STREAM,
        (libc::SOL_SOCKET, libc::SO_TYPE, Kind::Udp(_)) => libc::SOCK_DGRAM,
        (libc::SOL_SOCKET, libc::SO_PROTOCOL, Kind::Tcp(_)) => libc::IPPROTO_TCP,
        (libc::SOL_SOCKET, libc::SO_PROTOCOL, Kind::Udp(_)) => libc::IPPROTO_UDP,
        (libc::SOL_SOCKET, libc::SO_DOMAIN, _) => socket.family(),
        (libc::SOL_SOCKET, libc::SO_ACCEPTCONN, Kind::Tcp(tcp)) => tcp.is_listening().into(),
        // A socket of WASI reuses its address, has IPv6 alone, and sends as Nagle
        // says, and none of it can be changed. As on WASI 0.2 that is not told,
        // or all servers would fail.
        (libc::SOL_SOCKET, libc::SO_REUSEADDR, Kind::Tcp(tcp)) => tcp.reuse.get().into(),
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, _) if socket.family() == libc::AF_INET6 => 1,
        (libc::IPPROTO_TCP, libc::TCP_NODELAY, Kind::Tcp(tcp)) => tcp.no_delay.get().into(),
        _ => {
            let (option, unit) = socket.place(level, name).ok_or(libc::ENOPROTOOPT)?;
            c_int::try_from(socket.option(option)?.div_ceil(unit)).unwrap_or(c_int::MAX)
        }
    };
    // SAFETY: as the caller says.
    unsafe { put(value, to, len) }
}

/// # Safety
///
/// `from` points to `len` bytes.
pub(super) unsafe fn set(
    socket: &Socket,
    level: c_int,
    name: c_int,
    from: *const c_void,
    len: libc::socklen_t,
) -> Result<(), c_int> {
    if let Some(timeout) = socket.timeout(level, name) {
        // SAFETY: as the caller says.
        let value: libc::timeval = unsafe { take(from, len) }?;
        let (Ok(seconds), Ok(micros)) = (u64::try_from(value.tv_sec), u64::try_from(value.tv_usec))
        else {
            return Err(libc::EDOM);
        };
        let value = Duration::from_secs(seconds) + Duration::from_micros(micros);
        timeout.set(Some(value).filter(|value| !value.is_zero()));
        return Ok(());
    }
    // SAFETY: as the caller says.
    let value: c_int = unsafe { take(from, len) }?;
    match (level, name, &socket.kind) {
        (libc::SOL_SOCKET, libc::SO_REUSEADDR, Kind::Tcp(tcp)) => {
            tcp.reuse.set(value != 0);
            Ok(())
        }
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, _) if value != 0 => Ok(()),
        (libc::IPPROTO_TCP, libc::TCP_NODELAY, Kind::Tcp(tcp)) => {
            tcp.no_delay.set(value != 0);
            Ok(())
        }
        _ => {
            let (option, unit) = socket.place(level, name).ok_or(libc::ENOPROTOOPT)?;
            let value = u64::try_from(value).map_err(|_| libc::EINVAL)?;
            socket.set_option(option, value.saturating_mul(unit))
        }
    }
}

/// # Safety
///
/// `to` points to room for `*len` bytes.
unsafe fn put<T>(value: T, to: *mut c_void, len: *mut libc::socklen_t) -> Result<(), c_int> {
    // SAFETY: as the caller says, and no more is written.
    unsafe {
        if (*len as usize) < size_of::<T>() {
            return Err(libc::EINVAL);
        }
        *len = size_of::<T>() as libc::socklen_t;
        to.cast::<T>().write_unaligned(value);
    }
    Ok(())
}

/// # Safety
///
/// `from` points to `len` bytes, which are a `T` if they are as many.
unsafe fn take<T>(from: *const c_void, len: libc::socklen_t) -> Result<T, c_int> {
    if (len as usize) < size_of::<T>() {
        return Err(libc::EINVAL);
    }
    // SAFETY: there are as many bytes.
    Ok(unsafe { from.cast::<T>().read_unaligned() })
}
