//! SourceCred's file of accounts, as far as it is read here.

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Accounts {
    accounts: Vec<Scored>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scored {
    account: Account,
    total_cred: f64,
}

#[derive(Deserialize)]
struct Account {
    identity: Identity,
}

#[derive(Deserialize)]
struct Identity {
    name: String,
    #[serde(default)]
    aliases: Vec<Alias>,
}

/// An account on a platform.
#[derive(Deserialize)]
struct Alias {
    /// Its parts end with NUL: `N␀sourcecred␀discord␀MEMBER␀user␀140750062325202944␀`.
    address: String,
}

impl Accounts {
    /// The cred of the first account that has this name, or an alias with this id.
    pub fn cred_of(&self, username: Option<&str>, id: Option<&str>) -> Option<f64> {
        let is_meant = |identity: &Identity| {
            username.is_some_and(|name| identity.name == name)
                || id.is_some_and(|id| identity.aliases.iter().any(|alias| alias.id() == Some(id)))
        };
        let mut accounts = self.accounts.iter();
        accounts.find(|one| is_meant(&one.account.identity)).map(|one| one.total_cred)
    }

    pub fn total(&self) -> f64 {
        self.accounts.iter().map(|one| one.total_cred).sum()
    }
}

impl Alias {
    /// The id on its platform, which every platform's plugin of SourceCred writes last.
    fn id(&self) -> Option<&str> {
        self.address.strip_suffix('\0')?.rsplit('\0').next()
    }
}

#[cfg(test)]
mod tests {
    use super::Alias;

    #[test]
    fn the_last_part_of_an_address_is_the_id() {
        let id = |address: &str| Alias { address: address.to_owned() }.id().map(str::to_owned);
        assert_eq!(id("N\0sourcecred\0github\0USERLIKE\0USER\0ann\0").as_deref(), Some("ann"));
        let forum = "N\0sourcecred\0discourse\0user\0https://forum.example\0ann\0";
        assert_eq!(id(forum).as_deref(), Some("ann"));
        assert_eq!(id("N\0sourcecred\0core\0IDENTITY\0\0").as_deref(), Some(""));
        assert_eq!(id("no address"), None);
    }
}
