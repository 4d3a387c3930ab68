//! The `dodona` binary.

fn main() -> std::process::ExitCode {
    dodona::cli::main()
}
