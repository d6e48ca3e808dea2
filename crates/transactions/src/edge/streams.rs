//! Bodies on their way out.

use actors::{ByteStream, Fault};
use futures_util::{StreamExt, stream};

/// A body whose first piece is there, so that what fails at once is still told by a status.
pub async fn begun(mut body: ByteStream) -> Result<ByteStream, Fault> {
    match body.next().await {
        Some(Ok(first)) => Ok(Box::pin(stream::once(async move { Ok(first) }).chain(body))),
        Some(Err(fault)) => Err(fault),
        None => Ok(Box::pin(stream::empty())),
    }
}
