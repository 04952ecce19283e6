// SPDX-License-Identifier: MIT
// The style and the script of the page as they lie in the source.
        .section .rodata
        .global treadle_page_style
        .global treadle_page_script
treadle_page_style:
        .incbin "page.css"
        .byte 0
treadle_page_script:
        .incbin "page.js"
        .byte 0
        .section .note.GNU-stack, "", @progbits
