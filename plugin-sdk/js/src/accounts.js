// People of the community and their accounts on platforms.

import { ask, fromJson, toJson } from "./host.js";

export const accounts = {
  link: (account) => fromJson(ask("accounts", "link", toJson(account, "the account"))),
  unlink: (platformType, identifier, communityPlatformId) =>
    ask("accounts", "unlink", platformType, identifier, communityPlatformId ?? null),
  find: (platformType, identifier, communityPlatformId) =>
    fromJson(ask("accounts", "find", platformType, identifier, communityPlatformId ?? null)),
  user: (externalId) => fromJson(ask("accounts", "user", externalId)),
};
