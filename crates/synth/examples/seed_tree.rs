//! Writes the demo's studies as files to look at: `seed_tree DIR [WORD]`; WORD limits them to plans whose key contains it.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("usage: seed_tree DIR [WORD]")?;
    let word = arguments.next().unwrap_or_default();
    let started = std::time::Instant::now();
    for plan in synth::seed_studies().into_iter().filter(|plan| plan.key.contains(&word)) {
        let before = started.elapsed();
        let files = synth::write_tree(std::path::Path::new(&dir), std::slice::from_ref(&plan))?;
        println!("{} {files} files {:?}", plan.key, started.elapsed() - before);
    }
    Ok(())
}
