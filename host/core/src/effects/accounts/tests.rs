//! The rules of claims, one by one.

use super::*;

const ALICE: PersonId = PersonId(1);
const BOB: PersonId = PersonId(2);
const FRESH: PersonId = PersonId(3);

fn claim(person: Option<PersonId>, link_quality: LinkQuality) -> Claim {
    let key = AccountKey::new("slack".into(), "U1".into(), None).unwrap();
    Claim { person, key, custom_data: None, link_type: None, link_quality, by: String::new() }
}

fn stored(link_quality: LinkQuality) -> Account {
    let (mut account, _) = claim(Some(ALICE), link_quality).settle(None, FRESH).unwrap();
    account.custom_data = Some("{}".into());
    account.link_type = LinkType::ManualAdmin;
    account
}

#[test]
fn a_new_account_of_nobody_makes_a_person() {
    let (account, changes) = claim(None, LinkQuality::Weak).settle(None, FRESH).unwrap();
    assert_eq!(account.person, FRESH);
    assert_eq!(changes, [AccountChange::Person(FRESH), AccountChange::Add(account)]);
}

#[test]
fn only_a_surer_claim_changes_what_is_linked() {
    for person in [None, Some(ALICE)] {
        let is_same = person.is_some();
        let before = stored(LinkQuality::Weak);
        for quality in [LinkQuality::Unknown, LinkQuality::Weak] {
            let settled = claim(person, quality).settle(Some((before.clone(), is_same)), FRESH);
            assert_eq!(settled, Ok((before.clone(), Vec::new())));
        }
        let raised = claim(person, LinkQuality::Strong);
        let (account, changes) = raised.settle(Some((before.clone(), is_same)), FRESH).unwrap();
        let expected = Account { link_quality: LinkQuality::Strong, ..before };
        assert_eq!(account, expected, "what is not given stays");
        let before = (ALICE, LinkQuality::Weak);
        assert_eq!(changes, [AccountChange::Change { account, before }]);
    }
}

#[test]
fn only_a_surer_claim_takes_an_account_from_somebody_else() {
    let before = stored(LinkQuality::Weak);
    for quality in [LinkQuality::Unknown, LinkQuality::Unconfirmed, LinkQuality::Weak] {
        let settled = claim(Some(BOB), quality).settle(Some((before.clone(), false)), FRESH);
        assert_eq!(settled, Err(Owned));
    }
    let taken = claim(Some(BOB), LinkQuality::Strong).settle(Some((before, false)), FRESH);
    assert_eq!(taken.unwrap().0.person, BOB);
}

#[test]
fn a_claim_of_a_merged_person_leaves_the_account_where_it_is() {
    let before = stored(LinkQuality::Unknown);
    let raised = claim(Some(BOB), LinkQuality::Strong).settle(Some((before, true)), FRESH);
    assert_eq!(raised.unwrap().0.person, ALICE);
}

#[test]
fn a_wrong_claim_says_what_is_right() {
    let wrong = |value: Value| Claim::parse(&value.to_string(), Some("slack")).unwrap_err();
    let message = wrong(json!({ "platform_identifier": "U1", "link_type": "magic" }));
    assert!(message.contains("`manual admin`"), "{message}");
    let message = wrong(json!({ "platform_identifier": "U1", "link_quality": "sure" }));
    assert!(message.contains("`confirmed (weak)`"), "{message}");
    assert!(wrong(json!({})).contains("platform_identifier"));
    assert!(wrong(json!({ "platform_identifier": "" })).contains("1 to 500"));
    let unnamed = Claim::parse(r#"{"platform_identifier":"U1"}"#, None).unwrap_err();
    assert!(unnamed.contains("platform_type"), "{unnamed}");
}

#[test]
fn a_plugin_unlinks_what_it_linked_and_what_nobody_confirmed() {
    for (quality, by, may) in [
        (LinkQuality::Unknown, "", true),
        (LinkQuality::Unconfirmed, "other", true),
        (LinkQuality::Weak, "", false),
        (LinkQuality::Strong, "other", false),
        (LinkQuality::Strong, "slack", true),
    ] {
        let account = Account { linked_by: by.to_owned(), ..stored(quality) };
        assert_eq!(account.may_be_unlinked_by("slack"), may, "{quality:?} by '{by}'");
    }
}

#[test]
fn an_account_is_linked_by_whoever_made_the_surest_claim() {
    let before = Account { linked_by: "slack".to_owned(), ..stored(LinkQuality::Weak) };
    let same = Claim { by: "other".to_owned(), ..claim(None, LinkQuality::Weak) };
    let (account, _) = same.clone().settle(Some((before.clone(), false)), FRESH).unwrap();
    assert_eq!(account.linked_by, "slack");
    let surer = Claim { link_quality: LinkQuality::Strong, ..same };
    let (account, _) = surer.settle(Some((before, false)), FRESH).unwrap();
    assert_eq!(account.linked_by, "other");
}
