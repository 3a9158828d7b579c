//! Strings and comments with lines that look like commands and magics are Rust (IJulia#888).
//@ cell
let text = "
:dep serde
%%bash
?help
!ls
";
/*
:dep serde
:vars
*/
// :clear
let raw = r##"
:quit "# "##;
//@ cell
(text.lines().count(), raw, "// no comment /* none", '"', '\'', b'{')
//@ cell
println!("EVCXR_EXECUTION_COMPLETE");
println!("EVCXR_ERROR_OCCURRED");
println!("EVCXR_BEGIN_CONTENT text/plain\nx\nEVCXR_END_CONTENT");
//@ model
fn main() {
    let text = "
:dep serde
%%bash
?help
!ls
";
    let raw = r##"
:quit "# "##;
    println!("{:?}", (text.lines().count(), raw, "// no comment /* none", '"', '\'', b'{'));
    println!("EVCXR_EXECUTION_COMPLETE");
    println!("EVCXR_ERROR_OCCURRED");
    println!("EVCXR_BEGIN_CONTENT text/plain\nx\nEVCXR_END_CONTENT");
}
//@ output
(5, "\n:quit \"# ", "// no comment /* none", '"', '\'', 123)
EVCXR_EXECUTION_COMPLETE
EVCXR_ERROR_OCCURRED
EVCXR_BEGIN_CONTENT text/plain
x
EVCXR_END_CONTENT
