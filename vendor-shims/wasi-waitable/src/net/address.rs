//! Addresses and errors, as WASI, wasi-libc and Rust have them.

use std::ffi::c_int;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::lookup;

/// An `ip-socket-address` as parameters.
pub(crate) type Flat = [u32; 12];

/// One in memory.
pub(crate) type Lowered = [u8; 32];

pub(crate) fn family(address: &SocketAddr) -> c_int {
    match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    }
}

pub(crate) fn flatten(address: &SocketAddr) -> Flat {
    let mut flat = [0; 12];
    match address {
        SocketAddr::V4(address) => {
            flat[1] = address.port().into();
            for (to, octet) in flat[2..].iter_mut().zip(address.ip().octets()) {
                *to = octet.into();
            }
        }
        SocketAddr::V6(address) => {
            flat[0] = 1;
            flat[1] = address.port().into();
            flat[2] = address.flowinfo();
            for (to, segment) in flat[3..].iter_mut().zip(address.ip().segments()) {
                *to = segment.into();
            }
            flat[11] = address.scope_id();
        }
    }
    flat
}

pub(crate) fn lower(address: &SocketAddr) -> Lowered {
    let mut lowered = [0; 32];
    lowered[4..6].copy_from_slice(&address.port().to_le_bytes());
    match address {
        SocketAddr::V4(address) => lowered[6..10].copy_from_slice(&address.ip().octets()),
        SocketAddr::V6(address) => {
            lowered[0] = 1;
            lowered[8..12].copy_from_slice(&address.flowinfo().to_le_bytes());
            for (to, segment) in lowered[12..28]
                .chunks_exact_mut(2)
                .zip(address.ip().segments())
            {
                to.copy_from_slice(&segment.to_le_bytes());
            }
            lowered[28..32].copy_from_slice(&address.scope_id().to_le_bytes());
        }
    }
    lowered
}

pub(crate) fn lift(lowered: &[u8]) -> SocketAddr {
    let two = |at: usize| u16::from_le_bytes([lowered[at], lowered[at + 1]]);
    let four = |at: usize| u32::from(two(at)) | u32::from(two(at + 2)) << 16;
    if lowered[0] == 0 {
        let octets = [lowered[6], lowered[7], lowered[8], lowered[9]];
        return SocketAddrV4::new(octets.into(), two(4)).into();
    }
    let mut segments = [0; 8];
    for (index, segment) in segments.iter_mut().enumerate() {
        *segment = two(12 + 2 * index);
    }
    SocketAddrV6::new(Ipv6Addr::from(segments), two(4), four(8), four(28)).into()
}

/// Reads a `sockaddr`.
///
/// # Safety
///
/// `address` points to `len` bytes.
pub(crate) unsafe fn from_libc(
    address: *const libc::sockaddr,
    len: libc::socklen_t,
) -> Result<SocketAddr, c_int> {
    if address.is_null() || (len as usize) < size_of::<libc::sa_family_t>() {
        return Err(libc::EINVAL);
    }
    // SAFETY: there are at least as many bytes as are looked at.
    unsafe {
        match c_int::from((*address).sa_family) {
            libc::AF_INET if len as usize >= size_of::<libc::sockaddr_in>() => {
                let address = &*address.cast::<libc::sockaddr_in>();
                let octets = address.sin_addr.s_addr.to_ne_bytes();
                let port = u16::from_be(address.sin_port);
                Ok(SocketAddrV4::new(octets.into(), port).into())
            }
            libc::AF_INET6 if len as usize >= size_of::<libc::sockaddr_in6>() => {
                let address = &*address.cast::<libc::sockaddr_in6>();
                let port = u16::from_be(address.sin6_port);
                let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
                let (flow, scope) = (address.sin6_flowinfo, address.sin6_scope_id);
                Ok(SocketAddrV6::new(ip, port, flow, scope).into())
            }
            libc::AF_INET | libc::AF_INET6 => Err(libc::EINVAL),
            _ => Err(libc::EAFNOSUPPORT),
        }
    }
}

/// Writes a `sockaddr`, as much of it as there is room for.
///
/// # Safety
///
/// `to` is null or points to `*len` bytes.
pub(crate) unsafe fn to_libc(
    address: &SocketAddr,
    to: *mut libc::sockaddr,
    len: *mut libc::socklen_t,
) {
    if to.is_null() || len.is_null() {
        return;
    }
    // SAFETY: zero is a valid value of both, and no more is copied than there is
    // room for.
    unsafe {
        let room = *len as usize;
        match address {
            SocketAddr::V4(address) => {
                let mut from: libc::sockaddr_in = std::mem::zeroed();
                from.sin_family = libc::AF_INET as libc::sa_family_t;
                from.sin_port = address.port().to_be();
                from.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
                copy(&from, to, room);
                *len = size_of_val(&from) as libc::socklen_t;
            }
            SocketAddr::V6(address) => {
                let mut from: libc::sockaddr_in6 = std::mem::zeroed();
                from.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                from.sin6_port = address.port().to_be();
                from.sin6_flowinfo = address.flowinfo();
                from.sin6_addr.s6_addr = address.ip().octets();
                from.sin6_scope_id = address.scope_id();
                copy(&from, to, room);
                *len = size_of_val(&from) as libc::socklen_t;
            }
        }
    }
}

/// # Safety
///
/// `to` points to `room` bytes.
unsafe fn copy<T>(from: &T, to: *mut libc::sockaddr, room: usize) {
    let n = room.min(size_of::<T>());
    // SAFETY: neither side has fewer bytes.
    unsafe { std::ptr::copy_nonoverlapping((&raw const *from).cast::<u8>(), to.cast(), n) };
}

/// Lifts an `error-code` to an `errno`.
///
/// # Safety
///
/// `lowered` is an `error-code` in memory that is not yet lifted.
pub(crate) unsafe fn error(lowered: &[u8]) -> c_int {
    match lowered[0] {
        0 => libc::EACCES,
        1 => libc::EOPNOTSUPP,
        2 => libc::EINVAL,
        3 => libc::ENOMEM,
        4 => libc::ETIMEDOUT,
        5 => libc::EINVAL,
        6 => libc::EADDRNOTAVAIL,
        7 => libc::EADDRINUSE,
        8 => libc::EHOSTUNREACH,
        9 => libc::ECONNREFUSED,
        10 => libc::EPIPE,
        11 => libc::ECONNRESET,
        12 => libc::ECONNABORTED,
        13 => libc::EMSGSIZE,
        _ => {
            let four = |at| u32::from_le_bytes([0, 1, 2, 3].map(|i: usize| lowered[at + i]));
            // SAFETY: in this case there is an optional string, to be freed.
            unsafe { lookup::string(lowered[4] != 0, four(8), four(12)) };
            libc::EIO
        }
    }
}
