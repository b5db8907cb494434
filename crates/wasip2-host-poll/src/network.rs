//! `wasi:sockets/network`: addresses, errors and the right to use them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use rustix::io::Errno;
use rustix::net::AddressFamily;
use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};

use crate::{Context, Denied, Guest, dropped};

/// The right to use the network is asked for at each address.
pub struct Network;

/// `wasi:sockets/network.error-code`.
#[allow(dead_code, reason = "all that WASI has; guests make them")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum ErrorCode {
    #[component(name = "unknown")]
    Unknown,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "not-supported")]
    NotSupported,
    #[component(name = "invalid-argument")]
    InvalidArgument,
    #[component(name = "out-of-memory")]
    OutOfMemory,
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "concurrency-conflict")]
    ConcurrencyConflict,
    #[component(name = "not-in-progress")]
    NotInProgress,
    #[component(name = "would-block")]
    WouldBlock,
    #[component(name = "invalid-state")]
    InvalidState,
    #[component(name = "new-socket-limit")]
    NewSocketLimit,
    #[component(name = "address-not-bindable")]
    AddressNotBindable,
    #[component(name = "address-in-use")]
    AddressInUse,
    #[component(name = "remote-unreachable")]
    RemoteUnreachable,
    #[component(name = "connection-refused")]
    ConnectionRefused,
    #[component(name = "connection-reset")]
    ConnectionReset,
    #[component(name = "connection-aborted")]
    ConnectionAborted,
    #[component(name = "datagram-too-large")]
    DatagramTooLarge,
    #[component(name = "name-unresolvable")]
    NameUnresolvable,
    #[component(name = "temporary-resolver-failure")]
    TemporaryResolverFailure,
    #[component(name = "permanent-resolver-failure")]
    PermanentResolverFailure,
}

impl From<Errno> for ErrorCode {
    fn from(error: Errno) -> ErrorCode {
        match error {
            Errno::AGAIN => ErrorCode::WouldBlock,
            Errno::PERM | Errno::ACCESS => ErrorCode::AccessDenied,
            Errno::ADDRINUSE => ErrorCode::AddressInUse,
            Errno::ADDRNOTAVAIL => ErrorCode::AddressNotBindable,
            Errno::TIMEDOUT => ErrorCode::Timeout,
            Errno::CONNREFUSED => ErrorCode::ConnectionRefused,
            Errno::CONNRESET | Errno::PIPE => ErrorCode::ConnectionReset,
            Errno::CONNABORTED => ErrorCode::ConnectionAborted,
            Errno::INVAL | Errno::AFNOSUPPORT | Errno::DESTADDRREQ => ErrorCode::InvalidArgument,
            Errno::HOSTUNREACH | Errno::HOSTDOWN | Errno::NETDOWN | Errno::NETUNREACH => {
                ErrorCode::RemoteUnreachable
            }
            Errno::ISCONN | Errno::NOTCONN => ErrorCode::InvalidState,
            Errno::NFILE | Errno::MFILE => ErrorCode::NewSocketLimit,
            Errno::MSGSIZE => ErrorCode::DatagramTooLarge,
            Errno::NOMEM | Errno::NOBUFS => ErrorCode::OutOfMemory,
            Errno::OPNOTSUPP | Errno::NOPROTOOPT | Errno::PROTONOSUPPORT => ErrorCode::NotSupported,
            _ => ErrorCode::Unknown,
        }
    }
}

impl From<io::Error> for ErrorCode {
    fn from(error: io::Error) -> ErrorCode {
        Errno::from_io_error(&error).map_or(ErrorCode::Unknown, ErrorCode::from)
    }
}

/// `wasi:sockets/network.ip-address-family`.
#[allow(dead_code, reason = "all that WASI has; guests make them")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum Family {
    #[component(name = "ipv4")]
    V4,
    #[component(name = "ipv6")]
    V6,
}

impl Family {
    /// It as the system has it.
    pub fn domain(self) -> AddressFamily {
        match self {
            Family::V4 => AddressFamily::INET,
            Family::V6 => AddressFamily::INET6,
        }
    }

    /// Whether `address` can be one of a socket of this family.
    pub fn has(self, address: &SocketAddr) -> bool {
        match (self, address) {
            (Family::V4, SocketAddr::V4(_)) => true,
            (Family::V6, SocketAddr::V6(address)) => address.ip().to_ipv4_mapped().is_none(),
            _ => false,
        }
    }
}

type V4 = (u8, u8, u8, u8);
type V6 = (u16, u16, u16, u16, u16, u16, u16, u16);

fn v4(address: V4) -> Ipv4Addr {
    let (a, b, c, d) = address;
    Ipv4Addr::new(a, b, c, d)
}

fn v6(address: V6) -> Ipv6Addr {
    let (a, b, c, d, e, f, g, h) = address;
    Ipv6Addr::new(a, b, c, d, e, f, g, h)
}

fn of_v4(address: &Ipv4Addr) -> V4 {
    address.octets().into()
}

fn of_v6(address: &Ipv6Addr) -> V6 {
    address.segments().into()
}

/// `wasi:sockets/network.ip-address`.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Ip {
    #[component(name = "ipv4")]
    V4(V4),
    #[component(name = "ipv6")]
    V6(V6),
}

impl From<IpAddr> for Ip {
    fn from(address: IpAddr) -> Ip {
        match address.to_canonical() {
            IpAddr::V4(address) => Ip::V4(of_v4(&address)),
            IpAddr::V6(address) => Ip::V6(of_v6(&address)),
        }
    }
}

#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct SocketV4 {
    port: u16,
    address: V4,
}

#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct SocketV6 {
    port: u16,
    #[component(name = "flow-info")]
    flow_info: u32,
    address: V6,
    #[component(name = "scope-id")]
    scope_id: u32,
}

/// `wasi:sockets/network.ip-socket-address`.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Address {
    #[component(name = "ipv4")]
    V4(SocketV4),
    #[component(name = "ipv6")]
    V6(SocketV6),
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        match address {
            SocketAddr::V4(address) => Address::V4(SocketV4 {
                port: address.port(),
                address: of_v4(address.ip()),
            }),
            SocketAddr::V6(address) => Address::V6(SocketV6 {
                port: address.port(),
                flow_info: address.flowinfo(),
                address: of_v6(address.ip()),
                scope_id: address.scope_id(),
            }),
        }
    }
}

impl From<Address> for SocketAddr {
    fn from(address: Address) -> SocketAddr {
        match address {
            Address::V4(SocketV4 { port, address }) => SocketAddrV4::new(v4(address), port).into(),
            Address::V6(SocketV6 {
                port,
                flow_info,
                address,
                scope_id,
            }) => SocketAddrV6::new(v6(address), port, flow_info, scope_id).into(),
        }
    }
}

/// Asks for the network, to do `what`.
pub fn ask(guest: &Guest, what: impl FnOnce() -> String) -> Result<(), ErrorCode> {
    if guest.world.network {
        return Ok(());
    }
    if let Some(tell) = &guest.world.on_denial {
        tell(Denied::Network(what()));
    }
    Err(ErrorCode::AccessDenied)
}

/// Adds it to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker.instance("wasi:sockets/network@0.2.0")?.resource(
        "network",
        ResourceType::host::<Network>(),
        dropped::<Network>,
    )?;
    linker
        .instance("wasi:sockets/instance-network@0.2.0")?
        .func_wrap("instance-network", |mut context: Context, ()| {
            let network: Resource<Network> = context.data_mut().table.push(Network)?;
            Ok((network,))
        })
}
