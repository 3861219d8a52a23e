//! `entry.v1.Entry`: operators register workloads; agents learn what is theirs.

use std::sync::Arc;

use steeple_proto::{
    server::entry::{
        BatchCreateEntryRequest, BatchCreateEntryResponse, BatchDeleteEntryRequest,
        BatchDeleteEntryResponse, BatchUpdateEntryRequest, BatchUpdateEntryResponse,
        CountEntriesRequest, CountEntriesResponse, GetAuthorizedEntriesRequest,
        GetAuthorizedEntriesResponse, GetEntryRequest, ListEntriesRequest, ListEntriesResponse,
        SyncAuthorizedEntriesRequest, batch_create_entry_response, batch_delete_entry_response,
        batch_update_entry_response,
        entry_server::{Entry, EntryServer},
    },
    types,
};
use steeple_registry::{Page, RegistryError};
use steeple_store::CreatedEntry;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::{
    ApiConfig,
    call::Call,
    convert::entry as convert,
    fail::{Failure, ok, refuse},
    sync::{self, Pages},
};

/// The service.
pub(crate) fn service(config: &Arc<ApiConfig>) -> EntryServer<EntryService> {
    EntryServer::new(EntryService(Arc::clone(config)))
}

pub(crate) struct EntryService(Arc<ApiConfig>);

#[tonic::async_trait]
impl Entry for EntryService {
    async fn count_entries(
        &self,
        request: Request<CountEntriesRequest>,
    ) -> Result<Response<CountEntriesResponse>, Status> {
        let filter = request.into_inner().filter.unwrap_or_default();
        let filter = convert::filter_from_wire(convert::WireFilter {
            spiffe_id: filter.by_spiffe_id,
            parent_id: filter.by_parent_id,
            selectors: filter.by_selectors,
            federates_with: filter.by_federates_with,
            hint: filter.by_hint,
            downstream: filter.by_downstream,
        })?;
        let count = self.0.registry.entries().count(&filter).map_err(refuse)?;
        Ok(Response::new(CountEntriesResponse {
            count: i32::try_from(count).unwrap_or(i32::MAX),
        }))
    }

    async fn list_entries(
        &self,
        request: Request<ListEntriesRequest>,
    ) -> Result<Response<ListEntriesResponse>, Status> {
        let request = request.into_inner();
        let filter = request.filter.unwrap_or_default();
        let filter = convert::filter_from_wire(convert::WireFilter {
            spiffe_id: filter.by_spiffe_id,
            parent_id: filter.by_parent_id,
            selectors: filter.by_selectors,
            federates_with: filter.by_federates_with,
            hint: filter.by_hint,
            downstream: filter.by_downstream,
        })?;
        let page = Page {
            size: request.page_size,
            token: request.page_token,
        };
        let found = self
            .0
            .registry
            .entries()
            .list(&filter, &page)
            .map_err(refuse)?;
        let mask = request.output_mask.as_ref();
        let entries = found
            .items
            .iter()
            .map(|entry| convert::to_wire(entry, mask))
            .collect();
        Ok(Response::new(ListEntriesResponse {
            entries,
            next_page_token: found.next_token,
        }))
    }

    async fn get_entry(
        &self,
        request: Request<GetEntryRequest>,
    ) -> Result<Response<types::Entry>, Status> {
        let request = request.into_inner();
        let entry = self.0.registry.entries().get(&request.id).map_err(refuse)?;
        Ok(Response::new(convert::to_wire(
            &entry,
            request.output_mask.as_ref(),
        )))
    }

    async fn batch_create_entry(
        &self,
        request: Request<BatchCreateEntryRequest>,
    ) -> Result<Response<BatchCreateEntryResponse>, Status> {
        let request = request.into_inner();
        let inputs: Vec<_> = request
            .entries
            .into_iter()
            .map(convert::from_wire)
            .collect();
        let created = self.0.registry.entries().create_batch(&inputs).await;
        let mask = request.output_mask.as_ref();
        let results = created
            .into_iter()
            .map(|created| create_result(created, mask))
            .collect();
        Ok(Response::new(BatchCreateEntryResponse { results }))
    }

    async fn batch_update_entry(
        &self,
        request: Request<BatchUpdateEntryRequest>,
    ) -> Result<Response<BatchUpdateEntryResponse>, Status> {
        let request = request.into_inner();
        let inputs: Vec<_> = request
            .entries
            .into_iter()
            .map(convert::from_wire)
            .collect();
        let input_mask = convert::mask_from_wire(request.input_mask.as_ref());
        let updated = self
            .0
            .registry
            .entries()
            .update_batch(&inputs, &input_mask)
            .await;
        let mask = request.output_mask.as_ref();
        let result = |updated: Result<Arc<steeple_store::Entry>, RegistryError>| match updated {
            Ok(entry) => batch_update_entry_response::Result {
                status: Some(ok()),
                entry: Some(convert::to_wire(&entry, mask)),
            },
            Err(error) => batch_update_entry_response::Result {
                status: Some(Failure::from(error).into_item()),
                entry: None,
            },
        };
        let results = updated.into_iter().map(result).collect();
        Ok(Response::new(BatchUpdateEntryResponse { results }))
    }

    async fn batch_delete_entry(
        &self,
        request: Request<BatchDeleteEntryRequest>,
    ) -> Result<Response<BatchDeleteEntryResponse>, Status> {
        let ids = request.into_inner().ids;
        let deleted = self.0.registry.entries().delete_batch(&ids).await;
        let results = ids.into_iter().zip(deleted).map(|(id, deleted)| {
            let status = match deleted {
                Ok(_) => ok(),
                Err(error) => Failure::from(error).into_item(),
            };
            batch_delete_entry_response::Result {
                status: Some(status),
                id,
            }
        });
        Ok(Response::new(BatchDeleteEntryResponse {
            results: results.collect(),
        }))
    }

    async fn get_authorized_entries(
        &self,
        request: Request<GetAuthorizedEntriesRequest>,
    ) -> Result<Response<GetAuthorizedEntriesResponse>, Status> {
        let call = Call::of(&request)?;
        let authorized = self.0.registry.authorized_entries(call.id()?);
        let mask = request.into_inner().output_mask;
        let to_wire = |entry: &Arc<_>| convert::to_wire(entry, mask.as_ref());
        let entries = authorized.entries.iter().map(to_wire).collect();
        Ok(Response::new(GetAuthorizedEntriesResponse { entries }))
    }

    type SyncAuthorizedEntriesStream = Pages;

    async fn sync_authorized_entries(
        &self,
        request: Request<Streaming<SyncAuthorizedEntriesRequest>>,
    ) -> Result<Response<Pages>, Status> {
        let call = Call::of(&request)?;
        let authorized = self.0.registry.authorized_entries(call.id()?);
        Ok(Response::new(sync::begin(authorized, request.into_inner())))
    }
}

fn create_result(
    created: Result<CreatedEntry, RegistryError>,
    mask: Option<&types::EntryMask>,
) -> batch_create_entry_response::Result {
    let (status, entry) = match created {
        Ok(CreatedEntry::New(entry)) => (ok(), entry),
        Ok(CreatedEntry::Similar(entry)) => {
            let message = "similar entry already exists".to_owned();
            (
                types::Status {
                    code: Code::AlreadyExists.into(),
                    message,
                },
                entry,
            )
        }
        Err(error) => {
            let status = Some(Failure::from(error).into_item());
            return batch_create_entry_response::Result {
                status,
                entry: None,
            };
        }
    };
    let entry = Some(convert::to_wire(&entry, mask));
    batch_create_entry_response::Result {
        status: Some(status),
        entry,
    }
}
