//! x
use steeple_tests::*;
pub(crate) fn cases() -> Vec<steeple_tests::Case> {
    vec![Case::new("smoke", smoke)]
}
fn smoke(place: &Place) -> anyhow::Result<()> {
    let p = Programs::ours()?;
    let s = ServerPlan::new(place, "server")?.start(&p)?;
    s.entry("/w", &Agent::own_selector(), &[])?;
    let a = AgentPlan::new(place, "agent", &s)?.attest(&p, &s)?;
    let v = a.wait_svids(&[&s.id("/w")])?;
    println!("{v}");
    Ok(())
}
