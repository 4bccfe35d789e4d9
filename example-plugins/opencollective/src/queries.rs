//! What is asked of Open Collective's GraphQL API, version 2.

pub const COLLECTIVE: &str = "
query Collective($slug: String) {
  collective(slug: $slug, throwIfMissing: false) { id legacyId name }
}";

pub const MEMBERS: &str = "
query Members($slug: String, $offset: Int!) {
  collective(slug: $slug) {
    members(limit: 100, offset: $offset) {
      totalCount
      nodes {
        account {
          id slug name twitterHandle githubHandle isArchived isActive isHost isAdmin
        }
      }
    }
  }
}";

pub const WEBHOOKS: &str = "
query Webhooks($slug: String) {
  collective(slug: $slug) { webhooks(limit: 1000) { nodes { webhookUrl } } }
}";

pub const CREATE_WEBHOOK: &str = "
mutation CreateWebhook($webhook: WebhookCreateInput!) {
  createWebhook(webhook: $webhook) { id }
}";

pub const ME: &str = "
query Me {
  me {
    id slug name
    memberOf(accountType: COLLECTIVE) { totalCount nodes { role account { name slug } } }
  }
}";

pub const CREATE_CONVERSATION: &str = "
mutation CreateConversation(
  $title: String!, $html: String!, $account: AccountReferenceInput, $tags: [String]
) {
  createConversation(title: $title, html: $html, account: $account, tags: $tags) {
    id slug title createdAt updatedAt tags summary body { id reactions } stats { commentsCount }
  }
}";

pub const CONVERSATION: &str = "
query Conversation($id: String!) {
  conversation(id: $id) { id title body { id reactions } }
}";

pub const EDIT_CONVERSATION: &str = "
mutation EditConversation($id: String!, $title: String!, $tags: [String]) {
  editConversation(id: $id, title: $title, tags: $tags) { id }
}";

pub const CREATE_COMMENT: &str = "
mutation CreateComment($comment: CommentCreateInput!) {
  createComment(comment: $comment) { id createdAt html reactions }
}";

pub const EXPENSE: &str = "
query Expense($reference: ExpenseReferenceInput) {
  expense(expense: $reference) { ...expenseFields }
}";

pub const PROCESS_EXPENSE: &str = "
mutation ProcessExpense($reference: ExpenseReferenceInput!, $action: ExpenseProcessAction!) {
  processExpense(expense: $reference, action: $action) { ...expenseFields }
}";

/// Belongs to the two queries above.
pub const EXPENSE_FIELDS: &str = "
fragment expenseFields on Expense {
  id legacyId description longDescription amount createdAt currency type status
  account { id legacyId slug ... on AccountWithParent { parent { slug } } }
  payee { id legacyId slug }
  createdByAccount { id legacyId slug }
  requestedByAccount { id legacyId slug }
  activities { id type createdAt data individual { id slug } }
  items { id amount createdAt updatedAt incurredAt description url }
  tags
}";
