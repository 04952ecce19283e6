// SPDX-License-Identifier: MIT
/* treadle_gdb.py as a string, so that the program needs no file beside it. */
        .section .rodata
        .globl  treadle_gdb_script
treadle_gdb_script:
        .incbin "tools/cli/treadle_gdb.py"
        .byte   0
        .section .note.GNU-stack, "", %progbits
