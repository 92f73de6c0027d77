//! Conversations whose meaning depends on where chunks begin, so that they cannot be cut at will.

use super::script::{parse, replay};

#[test]
fn pairs_nothing_behind_a_response_that_a_body_without_an_end_may_hide() {
    let script = parse(
        "a response hidden in a body without an end\n\
         > GET /a HTTP/1.1\n\
         >\n\
         > GET /b HTTP/1.1\n\
         >\n\
         < HTTP/1.1 200 OK\n\
         < Content-Length: 3\n\
         < Content-Length: 4\n\
         <\n\
         <<\n\
         < abc\\\n\
         < HTTP/1.1 201 OK\n\
         < Content-Length: 0\n\
         <\n\
         > GET /c HTTP/1.1\n\
         >\n\
         < HTTP/1.1 202 OK\n\
         < Content-Length: 0\n\
         <\n\
         ~ /b 201\n\
         ~ /c 202\n\
         = GET /a -> 200 | 0 41\n\
         = GET /b -> lost_data | 0 0\n\
         = GET /c -> lost_data | 0 0\n",
    );
    assert_eq!(replay(&script.acts).lines(), script.expected);
}
