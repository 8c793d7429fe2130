//! Access: who asks, and whether that one may. One layer in front of every route; handlers find the answer in their
//! extractors. Does not know what a request does: the table says what it needs.
//!
//! Read in this order: [`rights`] (roles), [`table`] (routes), [`secret`] (keys as texts), [`identity`] (who asks).

pub(crate) mod identity;
pub(crate) mod rights;
pub(crate) mod secret;
mod table;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::header::{ALLOW, AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::access::Cause;
use domain::names::ApiKeyId;
use runtime::{Denied, Knock};

use crate::connect::tokens::Tokens;
use crate::limits::Limits;
use crate::problem::{Problem, no_such_method};
use crate::state::ApiState;
use crate::{smartdocumentor, stager};
use identity::{Identity, forbidden};
use rights::Right;
use table::{Route, Surface, TABLE};

/// What stands in front of every route.
pub(crate) struct Guard {
    state: ApiState,
    limits: Limits,
    tokens: Arc<Tokens>,
    routes: HashMap<&'static str, &'static Route>,
}

/// A route as the access table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteAccess {
    /// Its path, with names in braces.
    pub path: &'static str,
    /// The method.
    pub method: &'static str,
    /// The right that it needs.
    pub right: &'static str,
}

/// Every route and method that is answered, and the right that each needs.
#[must_use]
pub fn access_table() -> Vec<RouteAccess> {
    let of_route = |route: &'static Route| {
        let access = |(method, right): &(&'static str, Right)| RouteAccess {
            path: route.path,
            method,
            right: right.name(),
        };
        route.methods.iter().map(access)
    };
    TABLE.iter().flat_map(of_route).collect()
}

impl Guard {
    pub(crate) fn new(state: ApiState, tokens: Arc<Tokens>) -> Self {
        let limits = Limits::new(&state.settings);
        let routes = TABLE.iter().map(|route| (route.path, route)).collect();
        Self { state, limits, tokens, routes }
    }

    /// Who asks, if that is allowed here.
    fn identify(&self, surface: Surface, headers: &HeaderMap) -> Result<Identity, Denied> {
        let engine = &self.state.engine;
        if self.state.settings.trusted {
            return Ok(Identity::anybody());
        }
        let Some(presented) = bearer(headers) else {
            let no_key = Denied { cause: Cause::NoKey, organization: None };
            return if engine.has_keys() { Err(no_key) } else { Ok(Identity::anybody()) };
        };
        if let Some(id) = self.key_of_token(surface, presented) {
            return engine.key_holder(id).map(Identity::from);
        }
        let unknown = Denied { cause: Cause::UnknownKey, organization: None };
        let (id, secret) = secret::parse(presented).ok_or(unknown)?;
        engine.authenticate(id, secret).map(Identity::from)
    }

    /// The key that a token stands for, where tokens count.
    fn key_of_token(&self, surface: Surface, presented: &str) -> Option<ApiKeyId> {
        match surface {
            Surface::SmartDocumentor => self.tokens.key_of(presented, self.state.engine.clock().now()),
            Surface::Native | Surface::Stager => None,
        }
    }

    async fn let_in(&self, route: &Route, right: Right, request: &mut Request) -> Result<(), Problem> {
        let address = address(request);
        let identity = self.identify(route.surface, request.headers());
        self.limits.check_rate(identity.as_ref().ok(), address)?;
        let (problem, knock) = match identity {
            Ok(identity) if identity.has(right) => {
                request.extensions_mut().insert(identity);
                return Ok(());
            }
            Ok(identity) => (forbidden(right), identity.knock(request.method().as_str(), route.path)),
            Err(denied) => {
                let id = bearer(request.headers()).and_then(|presented| {
                    let of_key = || secret::parse(presented).map(|(id, _)| id);
                    self.key_of_token(route.surface, presented).or_else(of_key)
                });
                let knock = Knock {
                    cause: denied.cause,
                    key: id.zip(denied.organization),
                    address: None,
                    method: request.method().to_string(),
                    route: route.path.to_owned(),
                };
                (unauthorized(), knock)
            }
        };
        self.state.engine.record_refusal(Knock { address, ..knock }).await;
        Err(problem)
    }
}

/// The key that a request presents.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

pub(crate) fn address(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

/// The same for whatever is wrong with the key: only the log says what.
fn unauthorized() -> Problem {
    let detail = "a valid API key is needed; send it as 'Authorization: Bearer rp_…'. An admin makes one with 'reprise \
                  keys create'";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

/// Lets a request through to its route, or answers it.
pub(crate) async fn guarded(guard: &Guard, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
        // There is no route, so there is nothing to guard.
        return next.run(request).await;
    };
    let Some(route) = guard.routes.get(path.as_str()) else {
        let detail = format!("{} is not in the access table, so nobody may ask for it", path.as_str());
        return Problem::broken("route_without_right", detail).into_response();
    };
    let Some(right) = route.right(request.method().as_str()) else {
        let problem = no_such_method(request.method().clone(), request.uri().clone()).await;
        let mut response = problem.into_response();
        if let Ok(allowed) = HeaderValue::from_str(&route.allowed()) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        return response;
    };
    // Whether the process lives is answered in any case.
    let is_counted = right != Right::Open || route.surface != Surface::Native;
    let permit = match guard.limits.enter(is_counted, request.headers()) {
        Ok(permit) => permit,
        Err(problem) => return refused(route, problem),
    };
    let let_in = if right != Right::Open {
        guard.let_in(route, right, &mut request).await
    } else if is_counted {
        guard.limits.check_rate(None, address(&request))
    } else {
        Ok(())
    };
    if let Err(problem) = let_in {
        return refused(route, problem);
    }
    let response = next.run(request).await;
    // What is still written after this, such as a stream of events, counts no longer.
    drop(permit);
    response
}

fn refused(route: &Route, problem: Problem) -> Response {
    let status = problem.status;
    let mut response = match route.surface {
        Surface::Native => problem.into_response(),
        Surface::Stager => stager::refused(problem),
        Surface::SmartDocumentor => smartdocumentor::refused(route.path, problem),
    };
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
