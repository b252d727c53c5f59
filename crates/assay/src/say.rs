/// Prints a line on standard output. A reader that has gone (`assay list checks | head`) is no error.
macro_rules! say {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(anstream::stdout(), $($argument)*);
    }};
}
