//! The queries of the identity routes, without any lookup.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

use moothall_core::effects::{LinkQuality, LinkType};
use moothall_core::ids::PersonId;
use moothall_store::AccountFilter;

/// The most people that one request filters.
const PEOPLE: usize = 1_000;

#[derive(Deserialize)]
pub struct UserQuery {
    pub external_id: Option<PersonId>,
}

#[derive(Deserialize)]
pub struct LinkedQuery {
    pub external_id: Option<PersonId>,
    pub platform_type: Option<String>,
    pub community_platform_id: Option<String>,
}

#[derive(Deserialize)]
pub struct UsersQuery {
    pub community: Option<String>,
    pub after: Option<PersonId>,
    pub limit: Option<usize>,
    platform_type: Option<String>,
    platform_identifier: Option<String>,
    community_platform_id: Option<String>,
    link_type: Option<LinkType>,
    link_quality: Option<LinkQuality>,
}

impl UsersQuery {
    pub fn accounts(&self) -> AccountFilter {
        AccountFilter {
            platform_type: self.platform_type.clone(),
            platform_identifier: self.platform_identifier.clone(),
            community_platform_id: self.community_platform_id.clone(),
            link_type: self.link_type,
            link_quality: self.link_quality,
        }
    }

    /// The query of the page after that person.
    pub fn after(&self, last: PersonId) -> String {
        let limit = self.limit.map(|limit| limit.to_string());
        let after = last.to_string();
        let pairs = [
            ("community", self.community.as_deref()),
            ("platform_type", self.platform_type.as_deref()),
            ("platform_identifier", self.platform_identifier.as_deref()),
            ("community_platform_id", self.community_platform_id.as_deref()),
            ("link_type", self.link_type.map(LinkType::as_str)),
            ("link_quality", self.link_quality.map(LinkQuality::as_str)),
            ("limit", limit.as_deref()),
            ("after", Some(after.as_str())),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(
            pairs.iter().filter_map(|(name, value)| value.map(|value| (name, value))),
        );
        query.finish()
    }
}

/// The query of `filter_users_by_account`, whose list has several spellings.
#[derive(Default)]
pub struct FilterQuery {
    pub community: Option<String>,
    pub people: Vec<PersonId>,
    pub filter: AccountFilter,
}

impl FilterQuery {
    pub fn parse(query: Option<&str>) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut has_list = false;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let filter = &mut parsed.filter;
            match name.as_ref() {
                "community" => parsed.community = Some(value.into_owned()),
                "platform_type" => filter.platform_type = Some(value.into_owned()),
                "platform_identifier" => filter.platform_identifier = Some(value.into_owned()),
                "community_platform_id" => filter.community_platform_id = Some(value.into_owned()),
                "link_type" => filter.link_type = Some(one_of(&value)?),
                "link_quality" => filter.link_quality = Some(one_of(&value)?),
                "external_id_list" | "external_id_list[]" => {
                    has_list = true;
                    parsed.people.extend(people(&value)?);
                }
                _ => {}
            }
        }
        match parsed.people.len() {
            0 if !has_list => Err("`external_id_list` is missing".to_owned()),
            0..=PEOPLE => Ok(parsed),
            _ => Err(format!("`external_id_list` has at most {PEOPLE} ids")),
        }
    }
}

fn one_of<'de, T: Deserialize<'de>>(text: &str) -> Result<T, String> {
    T::deserialize(text.to_owned().into_deserializer())
        .map_err(|_: Error| format!("\"{text}\" is not one of those that there are"))
}

/// One id, several with commas between them, or a JSON list of them.
fn people(text: &str) -> Result<Vec<PersonId>, String> {
    let wrong = |cause: String| format!("`external_id_list` is not a list of ids: {cause}");
    let text = text.trim();
    if text.starts_with('[') {
        let ids = serde_json::from_str(text);
        return ids.map_err(|_| wrong("a JSON list of it has whole numbers alone".to_owned()));
    }
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(|id| PersonId::parse(id).map_err(|error| wrong(format!("'{id}': {error}")))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_people_has_many_spellings() {
        for query in [
            "external_id_list=1,2",
            "external_id_list=1&external_id_list=2",
            "external_id_list=%5B1%2C%20%222%22%5D",
            "external_id_list[]=1&external_id_list[]=2",
        ] {
            let people = FilterQuery::parse(Some(query)).map(|query| query.people);
            assert_eq!(people, Ok(vec![PersonId(1), PersonId(2)]), "{query}");
        }
        for query in ["", "external_id_list=x", "external_id_list=[1", "community=acme"] {
            assert!(FilterQuery::parse(Some(query)).is_err(), "{query}");
        }
    }
}
