//! The system calls that are left to the compiling process: memory, threads, and the files it has open.
//!
//! Every other system call fails as unknown, which C libraries can handle.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

#[cfg(target_arch = "x86_64")]
const TARGET: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const TARGET: TargetArch = TargetArch::aarch64;

/// Allowed whatever their arguments are.
const FREE: &[i64] = &[
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads, and what they wait for.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_membarrier,
    libc::SYS_nanosleep,
    libc::SYS_prctl,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    // Files that are open already.
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Allows this thread, and those that it starts, only these calls from now on.
pub fn apply() -> Result<(), seccompiler::Error> {
    apply_filter(&program()?)
}

fn program() -> Result<BpfProgram, seccompiler::Error> {
    let free = FREE.iter().map(|call| (*call, Vec::new()));
    let rules = free.chain(bound_calls()?).collect();
    let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    Ok(SeccompFilter::new(rules, absent, SeccompAction::Allow, TARGET)?.try_into()?)
}

/// Allowed with some arguments only: memory that is not executable, threads but no processes, limits read but not set.
fn bound_calls() -> Result<Vec<(i64, Vec<SeccompRule>)>, seccompiler::Error> {
    let (executable, thread) =
        (u64::from(libc::PROT_EXEC.unsigned_abs()), u64::from(libc::CLONE_THREAD.unsigned_abs()));
    Ok(vec![
        only(libc::SYS_mmap, 2, executable, 0)?,
        only(libc::SYS_mprotect, 2, executable, 0)?,
        only(libc::SYS_clone, 0, thread, thread)?,
        only(libc::SYS_prlimit64, 2, u64::MAX, 0)?,
    ])
}

/// A rule for a call: it is allowed if these bits of that argument have this value.
fn only(
    call: i64,
    argument: u8,
    bits: u64,
    are: u64,
) -> Result<(i64, Vec<SeccompRule>), seccompiler::Error> {
    let operator = SeccompCmpOp::MaskedEq(bits);
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, are)?;
    Ok((call, vec![SeccompRule::new(vec![condition])?]))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;

    use super::*;

    #[test]
    fn what_is_shut_in_opens_connects_to_and_starts_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (path, listener) =
            (directory.path().join("new"), TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let mut open = std::fs::File::create(directory.path().join("open")).unwrap();
        let shut_in = move || {
            apply().unwrap();
            let inner = std::thread::spawn(move || std::fs::File::create(&path).is_err());
            assert!(inner.join().unwrap(), "a thread that begins later can create no file");
            assert!(std::fs::read("/proc/self/status").is_err(), "no file can be opened");
            assert!(TcpStream::connect(address).is_err(), "nothing can be connected to");
            assert!(Command::new("/bin/true").status().is_err(), "nothing can be started");
            open.write_all(b"native code").unwrap();
        };
        // The filter lasts as long as its thread.
        std::thread::spawn(shut_in).join().unwrap();
        let written = std::fs::read(directory.path().join("open")).unwrap();
        assert_eq!(written, b"native code", "what was open can be written");
    }
}
