//! `getaddrinfo(3)`, which wasi-libc does with WASI 0.2.

use std::ffi::{c_char, c_int, CStr};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, Waker};
use std::{io, mem};

use super::address::to_libc;
use crate::{wait, Lookup};

// As wasi-libc's `netdb.h` has them.
const EAI_BADFLAGS: c_int = -1;
const EAI_NONAME: c_int = -2;
const EAI_AGAIN: c_int = -3;
const EAI_FAMILY: c_int = -6;
const EAI_SERVICE: c_int = -8;
const EAI_MEMORY: c_int = -10;
const AI_PASSIVE: c_int = 1;

/// An entry of the list, and the address that it points to.
#[repr(C)]
struct Entry {
    info: libc::addrinfo,
    address: libc::sockaddr_storage,
}

/// Defined for the whole program, in place of wasi-libc's.
///
/// The service is a port, if any: WASI knows no names of services.
#[no_mangle]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    result: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: the caller gives strings and hints, or none.
    let (node, service, hints) = unsafe {
        (
            (!node.is_null()).then(|| CStr::from_ptr(node)),
            (!service.is_null()).then(|| CStr::from_ptr(service)),
            hints.as_ref(),
        )
    };
    let family = hints.map_or(libc::AF_UNSPEC, |hints| hints.ai_family);
    if ![libc::AF_UNSPEC, libc::AF_INET, libc::AF_INET6].contains(&family) {
        return EAI_FAMILY;
    }
    let port = match service.map(|service| service.to_str().ok()?.parse::<u16>().ok()) {
        None => 0,
        Some(Some(port)) => port,
        Some(None) => return EAI_SERVICE,
    };
    let mut addresses = match node.map(CStr::to_str) {
        None if service.is_none() => return EAI_NONAME,
        None => {
            let passive = hints.is_some_and(|hints| hints.ai_flags & AI_PASSIVE != 0);
            let (four, six) = if passive {
                (
                    std::net::Ipv4Addr::UNSPECIFIED,
                    std::net::Ipv6Addr::UNSPECIFIED,
                )
            } else {
                (std::net::Ipv4Addr::LOCALHOST, std::net::Ipv6Addr::LOCALHOST)
            };
            vec![IpAddr::from(four), IpAddr::from(six)]
        }
        Some(Err(_)) => return EAI_NONAME,
        Some(Ok(name)) => match lookup(name) {
            Ok(addresses) => addresses,
            Err(err) => {
                return match err.kind() {
                    io::ErrorKind::NotFound => EAI_NONAME,
                    io::ErrorKind::InvalidInput => EAI_BADFLAGS,
                    io::ErrorKind::PermissionDenied => {
                        // SAFETY: errno is always there to be written.
                        unsafe { *libc::__errno_location() = libc::EACCES };
                        libc::EAI_SYSTEM
                    }
                    _ => EAI_AGAIN,
                };
            }
        },
    };
    addresses.retain(|address| match family {
        libc::AF_INET => address.is_ipv4(),
        libc::AF_INET6 => address.is_ipv6(),
        _ => true,
    });
    if addresses.is_empty() {
        return EAI_NONAME;
    }
    let mut list = ptr::null_mut();
    for address in addresses.into_iter().rev() {
        // SAFETY: zero is a valid entry, and there is room for it.
        unsafe {
            let entry: *mut Entry = libc::malloc(size_of::<Entry>()).cast();
            if entry.is_null() {
                freeaddrinfo(list);
                return EAI_MEMORY;
            }
            entry.write(mem::zeroed());
            let to = (&raw mut (*entry).address).cast();
            let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            to_libc(&SocketAddr::new(address, port), to, &mut len);
            let info = &mut (*entry).info;
            info.ai_family = super::address::family(&SocketAddr::new(address, port));
            info.ai_socktype = hints.map_or(0, |hints| hints.ai_socktype);
            info.ai_protocol = hints.map_or(0, |hints| hints.ai_protocol);
            info.ai_addr = to;
            info.ai_addrlen = len;
            info.ai_next = list;
            list = info;
        }
    }
    // SAFETY: the caller gives room for the result.
    unsafe { *result = list };
    0
}

/// Defined for the whole program, in place of wasi-libc's.
#[no_mangle]
unsafe extern "C" fn freeaddrinfo(mut list: *mut libc::addrinfo) {
    while !list.is_null() {
        // SAFETY: it is what `getaddrinfo` has made, an entry's start.
        unsafe {
            let next = (*list).ai_next;
            libc::free(list.cast());
            list = next;
        }
    }
}

fn lookup(name: &str) -> io::Result<Vec<IpAddr>> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    let mut lookup = Lookup::new(name);
    loop {
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut lookup).poll(&mut cx) {
            Poll::Ready(result) => return result,
            Poll::Pending => wait(None)?,
        };
    }
}
