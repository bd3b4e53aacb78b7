        .section .rodata
        .globl  kvmpt_agent_start, kvmpt_agent_end
kvmpt_agent_start:
        ud2
kvmpt_agent_end:
        .section .note.GNU-stack,"",@progbits
