//! gRPC reflection, in both versions that clients ask for.

use tonic::service::Routes;
use tonic_reflection::server::{Builder, Error};

/// Adds reflection for what the public socket serves.
pub(crate) fn add(routes: Routes, workload_api: bool) -> Result<Routes, Error> {
    Ok(routes
        .add_service(builder(workload_api).build_v1()?)
        .add_service(builder(workload_api).build_v1alpha()?))
}

fn builder(workload_api: bool) -> Builder<'static> {
    let builder = Builder::configure()
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health")
        .with_service_name("grpc.reflection.v1.ServerReflection")
        .with_service_name("grpc.reflection.v1alpha.ServerReflection");
    if !workload_api {
        return builder;
    }
    builder
        .register_encoded_file_descriptor_set(steeple_proto::DESCRIPTORS)
        .with_service_name("SpiffeWorkloadAPI")
}
