//! The end of an object: it is cleared when nothing is left in it, or restarted on request.

use crate::js::runtime::abort_after;
use crate::object::Object;
use crate::store::sql::rows;
use std::rc::Rc;
use std::time::Duration;
use worker::durable::ListOptions;
use worker::{Delay, Result};

/// Pause before a restart: the handler has to end, and its messages leave when its writes are on disk.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

impl Object {
    /// True if nobody is connected, nothing is due, and no handler runs.
    pub(super) fn is_idle(&self) -> bool {
        self.table.borrow().is_empty() && !self.room_alarm.is_set() && self.running.get() == 0
    }

    /// Deletes everything if nobody is connected, nothing is due, and the application stores nothing. Even an alarm alone takes
    /// 12 KB of storage, and the object may never be used again.
    pub(super) async fn clear_storage(&self) -> Result<()> {
        let storage = self.state.storage();
        let tables = rows(&storage.sql(), APPLICATION_TABLES)?;
        let keys = storage.list_with_options(ListOptions::new().limit(1)).await?;
        // A client may have connected meanwhile.
        if self.is_idle() && tables.is_empty() && keys.size() == 0 {
            // `delete_all` also deletes the alarm (compatibility date 2026-02-24).
            self.alarm.note_over();
            self.store.reset();
            self.senders.forget_stored();
            storage.delete_all().await?;
        }
        Ok(())
    }

    /// Restarts the object when the output and the writes of the running handler have left.
    pub(super) async fn restart_soon(self: Rc<Self>) -> Result<()> {
        Delay::from(RESTART_PAUSE).await;
        self.state.storage().sync().await?;
        Ok(abort_after(&self.state, RESTART_PAUSE, "restarted, as asked for")?)
    }
}

/// Tables of the application.
const APPLICATION_TABLES: &str = r"
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sockjs\_%' ESCAPE '\'
AND name NOT LIKE '\_cf\_%' ESCAPE '\' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' LIMIT 1";
