//! Makes the client and the server of the service `Echo`, without `protoc`.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type("crate::Text")
            .output_type("crate::Text")
            .codec_path("tonic_prost::ProstCodec")
    };
    let service = Service::builder()
        .name("Echo")
        .package("checks")
        .method(method("unary", "Unary").build())
        .method(method("server", "Server").server_streaming().build())
        .method(method("client", "Client").client_streaming().build())
        .method(
            method("both", "Both")
                .client_streaming()
                .server_streaming()
                .build(),
        )
        .build();
    Builder::new().compile(&[service]);
}
