//! Every route and method and the right that it needs. What is not in here is not answered: a new route is a line here,
//! and a test compares both.

use super::rights::Right::{self, Administer, Open, Read, ReadWork, Run, Watch, Work, Write};

/// Whose manners a refusal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Problem details.
    Native,
    /// StageR's codes.
    Stager,
    /// SmartDocumentor's: problem details, or no body at all. Here a token stands for a key.
    SmartDocumentor,
}

/// A route.
#[derive(Debug)]
pub(crate) struct Route {
    /// Its path, as it is registered.
    pub(crate) path: &'static str,
    /// Its methods. HEAD needs what GET needs.
    pub(crate) methods: &'static [(&'static str, Right)],
    pub(crate) surface: Surface,
}

const fn native(path: &'static str, methods: &'static [(&'static str, Right)]) -> Route {
    Route { path, methods, surface: Surface::Native }
}

const fn stager(path: &'static str, methods: &'static [(&'static str, Right)]) -> Route {
    Route { path, methods, surface: Surface::Stager }
}

const fn smart(path: &'static str, methods: &'static [(&'static str, Right)]) -> Route {
    Route { path, methods, surface: Surface::SmartDocumentor }
}

/// Every route.
pub(crate) const TABLE: &[Route] = &[
    // Operations.
    native("/healthz", &[("GET", Open)]),
    native("/readyz", &[("GET", Open)]),
    native("/metrics", &[("GET", Watch)]),
    // What the program is able to do is no secret.
    native("/openapi.json", &[("GET", Open)]),
    native("/docs", &[("GET", Open)]),
    native("/docs/", &[("GET", Open)]),
    native("/docs/{part}", &[("GET", Open)]),
    // Keys.
    native("/v1/keys", &[("GET", Administer), ("POST", Administer)]),
    native("/v1/keys/{id}", &[("GET", Administer)]),
    native("/v1/keys/{id}/events", &[("GET", Administer)]),
    native("/v1/keys/{id}/rotate", &[("POST", Administer)]),
    native("/v1/keys/{id}/revoke", &[("POST", Administer)]),
    // Storage units and their work.
    native("/v1/storage-units", &[("GET", ReadWork), ("POST", Write)]),
    native("/v1/storage-units/{name}", &[("GET", ReadWork), ("DELETE", Administer)]),
    native("/v1/storage-units/{name}/content", &[("PUT", Write)]),
    native("/v1/storage-units/{name}/modules", &[("PUT", Write)]),
    native("/v1/storage-units/{name}/queue", &[("PUT", Write)]),
    native("/v1/storage-units/{name}/limits", &[("PUT", Write)]),
    native("/v1/storage-units/{name}/reset", &[("POST", Write)]),
    native("/v1/storage-units/{name}/reprocess", &[("POST", Write)]),
    native("/v1/storage-units/{name}/events", &[("GET", Read)]),
    native("/v1/storage-units/{name}/explain", &[("GET", Read)]),
    native("/v1/key-scopes", &[("GET", Read)]),
    native("/v1/key-scopes/{unit}/{scope}/{key}", &[("GET", Read)]),
    native("/v1/key-scopes/{unit}/{scope}/{key}/events", &[("GET", Read)]),
    native("/v1/key-scopes/{unit}/{scope}/{key}/attempts", &[("GET", Read)]),
    native("/v1/key-scopes/{unit}/{scope}/{key}/explain", &[("GET", Read)]),
    native("/v1/key-scopes/{unit}/{scope}/{key}/reprocess", &[("POST", Write)]),
    native("/v1/key-scopes/{unit}/{scope}/{key}/hold", &[("POST", Write)]),
    native("/v1/key-scopes/{unit}/{scope}/{key}/release", &[("POST", Write)]),
    native("/v1/documents/{unit}/{scope}/{key}", &[("GET", ReadWork)]),
    // Tasks, with their workspaces and batches.
    native("/v1/tasks", &[("GET", Read), ("POST", Write)]),
    native("/v1/tasks/counts", &[("GET", Read)]),
    native("/v1/tasks/restart", &[("POST", Write)]),
    native("/v1/tasks/{id}", &[("GET", Read), ("DELETE", Write)]),
    native("/v1/tasks/{id}/context", &[("GET", ReadWork)]),
    native("/v1/tasks/{id}/input", &[("GET", ReadWork)]),
    native("/v1/tasks/{id}/outputs/{stage}", &[("GET", ReadWork)]),
    native("/v1/tasks/{id}/events", &[("GET", Read)]),
    native("/v1/tasks/{id}/attempts", &[("GET", Read)]),
    native("/v1/tasks/{id}/explain", &[("GET", Read)]),
    native("/v1/tasks/{id}/restart", &[("POST", Write)]),
    native("/v1/tasks/{id}/hold", &[("POST", Write)]),
    native("/v1/tasks/{id}/release", &[("POST", Write)]),
    native("/v1/tasks/{id}/run-now", &[("POST", Write)]),
    native("/v1/tasks/{id}/approve", &[("POST", Write)]),
    native("/v1/tasks/{id}/reopen-review", &[("POST", Write)]),
    native("/v1/tasks/{id}/resolve", &[("POST", Write)]),
    native("/v1/tasks/{id}/assign", &[("POST", Write)]),
    native("/v1/tasks/{id}/edit", &[("POST", Write)]),
    native("/v1/workspaces", &[("GET", Read), ("POST", Write)]),
    native("/v1/workspaces/{id}", &[("GET", Read), ("PUT", Write)]),
    native("/v1/workspaces/{id}/events", &[("GET", Read)]),
    native("/v1/workspaces/{id}/explain", &[("GET", Read)]),
    native("/v1/batches", &[("GET", Read), ("POST", Write)]),
    native("/v1/batches/{id}", &[("GET", Read)]),
    native("/v1/batches/{id}/events", &[("GET", Read)]),
    // Campaigns.
    native("/v1/campaigns", &[("GET", Read), ("POST", Write)]),
    native("/v1/campaigns/{id}", &[("GET", Read)]),
    native("/v1/campaigns/{id}/events", &[("GET", Read)]),
    native("/v1/campaigns/{id}/explain", &[("GET", Read)]),
    native("/v1/campaigns/{id}/report", &[("GET", Read)]),
    native("/v1/campaigns/{id}/pause", &[("POST", Write)]),
    native("/v1/campaigns/{id}/resume", &[("POST", Write)]),
    native("/v1/campaigns/{id}/cancel", &[("POST", Write)]),
    native("/v1/campaigns/{id}/pace", &[("PUT", Write)]),
    // Workers.
    native("/v1/leases", &[("POST", Work)]),
    native("/v1/leases/start", &[("POST", Work)]),
    native("/v1/leases/extend", &[("POST", Work)]),
    native("/v1/leases/complete", &[("POST", Work)]),
    native("/v1/leases/fail", &[("POST", Work)]),
    native("/v1/leases/release", &[("POST", Work)]),
    native("/v1/workers", &[("GET", Read)]),
    // The log and what is made of it. A posted command may need more: see `Right::to_send`.
    native("/v1/commands", &[("GET", Read), ("POST", Write)]),
    native("/v1/commands/{name}", &[("GET", Read)]),
    native("/v1/events", &[("GET", Read)]),
    native("/v1/events/stream", &[("GET", Read)]),
    native("/v1/export", &[("GET", Administer)]),
    native("/v1/integrity", &[("GET", Read)]),
    native("/v1/proof", &[("GET", Read)]),
    native("/v1/overview", &[("GET", Read)]),
    native("/v1/diff", &[("GET", Read)]),
    native("/v1/projections", &[("GET", Watch)]),
    native("/v1/projections/{name}/rebuild", &[("POST", Run)]),
    native("/v1/replays", &[("GET", Read), ("POST", Write)]),
    native("/v1/replays/{id}", &[("GET", Read)]),
    native("/v1/system", &[("GET", ReadWork)]),
    native("/v1/system/events", &[("GET", Watch)]),
    native("/v1/system/explain", &[("GET", Read)]),
    native("/v1/system/pause", &[("POST", Run)]),
    native("/v1/system/resume", &[("POST", Run)]),
    // StageR, `reference/stager.md` §3, §4, §6 and §7: the path says what is done, not the method.
    stager("/admin/create/{unit}", &[("GET", Write), ("PUT", Write), ("POST", Write)]),
    stager("/admin/drop/{unit}", &[("GET", Administer), ("DELETE", Administer), ("POST", Administer)]),
    stager("/admin/list", &[("GET", Read), ("POST", Read)]),
    stager("/admin/statistics/{unit}", &[("GET", Read), ("POST", Read)]),
    stager("/admin/setContentProcessingModules/{unit}", &[("POST", Write)]),
    stager("/admin/enableReprocessingQueue/{unit}/{enabled}", &[("PUT", Write)]),
    stager("/transaction/add/{unit}/{scope}", &[("PUT", Write), ("POST", Write)]),
    stager("/transaction/delete/{unit}", &[("DELETE", Write), ("POST", Write)]),
    stager("/transaction/delete/{unit}/{scope}", &[("DELETE", Write), ("POST", Write)]),
    stager("/transaction/batch/{unit}", &[("PUT", Write), ("POST", Write)]),
    stager("/access/fetch/{unit}/{key}", &[("GET", Read), ("POST", Read)]),
    stager("/access/fetch/{unit}/{key}/{scope}", &[("GET", Read), ("POST", Read)]),
    stager("/access/fetchMultiple/{unit}", &[("GET", Read), ("POST", Read)]),
    stager("/access/fetchMultiple/{unit}/{scope}", &[("GET", Read), ("POST", Read)]),
    stager("/access/fetchPage/{unit}", &[("GET", Read), ("POST", Read)]),
    stager("/access/fetchPage/{unit}/{scope}", &[("GET", Read), ("POST", Read)]),
    stager("/reprocess/key/{unit}/{key}/{scope}", &[("GET", Write), ("POST", Write)]),
    stager("/reprocess/keys/{unit}/{scope}", &[("GET", Write), ("POST", Write)]),
    stager("/reprocess/all/{unit}/{scope}", &[("GET", Write), ("POST", Write)]),
    stager("/reprocess/reset/{unit}", &[("GET", Write), ("POST", Write)]),
    // SmartDocumentor, `reference/smartdocumentor.md` §1 and §4. Whoever asks for a token proves in the request who it is.
    smart("/connect/token", &[("POST", Open)]),
    smart("/api/v1.0/external/sdtask/process", &[("POST", Write)]),
    smart("/api/v1.0/external/sdtask/status", &[("GET", Read)]),
    smart("/api/v1.0/external/sdtask/statuslist", &[("GET", Read)]),
    smart("/api/v1.0/external/sdtask/statuslistpaginated", &[("GET", Read)]),
    smart("/api/v1.0/external/sdtask/restartprocessing", &[("PATCH", Write)]),
    smart("/api/v1.0/external/sdtask/externalIntegrationStatus", &[("PATCH", Write)]),
    smart("/api/v1.0/external/sdworkspace/CurrentWorkspaces", &[("GET", Read)]),
    smart("/api/v1.0/external/sdbatch", &[("GET", Read), ("POST", Write)]),
    smart("/api/v1.0/external/sdbatch/listpaginated", &[("GET", Read)]),
];

impl Route {
    /// The right that a method needs; nothing when the route does not answer it.
    pub(crate) fn right(&self, method: &str) -> Option<Right> {
        let find =
            |wanted: &str| self.methods.iter().find(|(method, _)| *method == wanted).map(|(_, right)| *right);
        find(method).or_else(|| if method == "HEAD" { find("GET") } else { None })
    }

    /// The methods that it answers, as in the header `Allow`.
    pub(crate) fn allowed(&self) -> String {
        let words = self.methods.iter().map(|(method, _)| match (*method, self.surface) {
            ("GET", Surface::Native | Surface::SmartDocumentor) => "GET,HEAD",
            (method, Surface::Native | Surface::Stager | Surface::SmartDocumentor) => method,
        });
        words.collect::<Vec<_>>().join(",")
    }
}
