//! Every mistake is a compile error on the right token that shows the right form.
//! After a change of wording: `TRYBUILD=overwrite cargo xtask test -- mistakes_are_compile_errors`.

#[test]
fn mistakes_are_compile_errors() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
