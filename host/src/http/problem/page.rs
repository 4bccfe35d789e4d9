//! Failures as HTML pages, for people with a browser.

use axum::response::Response;

use crate::http::html;
use crate::http::problem::Problem;
use moothall_core::ids::RequestId;

impl Problem {
    /// The same, for a person.
    pub fn as_page(&self) -> Self {
        let mut page = self.clone();
        page.more.get_or_insert_default().is_page = true;
        page
    }

    /// What is wrong, and the details that somebody who helps needs.
    pub(super) fn page(&self, request: &RequestId) -> Response {
        let (detail, code) = (html::escape(&self.detail), html::escape(self.code()));
        let request = html::escape(request.as_str());
        let content = format!("<p>{detail}</p>\n<p><small>{code}, request {request}</small></p>");
        html::page(self.status, "This did not work", &content, None)
    }
}
