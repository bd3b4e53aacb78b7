/* The probe agent: works through a table of records at CPL 0 or CPL 3, and ends with one exit.
 *
 * While a loop runs:
 *   RCX  records that are left, the current one included
 *   RSI  the current record
 *   RDX  where to go on after the probe, whether it faulted or not
 *   RAX  the probed address; RBX what was read
 *
 * Few instructions per probe: on hosts that emulate CPL 0 each costs half a microsecond. No `int`,
 * `stac` or `clac`: such hosts cannot emulate them. The code runs wherever it is mapped.
 */
#include "include/guest_layout.h"

#define UD2 .byte 0x0f, 0x0b

        .section .rodata.kvmpt_agent, "a", @progbits
        .balign 4096
        .globl  kvmpt_agent_start, kvmpt_agent_end
        .code64
kvmpt_agent_start:
agent:

/* The loops that both privilege levels have. `finish` ends a batch. */
.macro LOOPS base, finish
        .org    \base + KVMPT_LOOP_READ * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_ADDRESS(%rsi), %rax
        movq    (%rax), %rbx
        movq    %rbx, KVMPT_RECORD_VALUE(%rsi)
        .org    \base + KVMPT_LOOP_READ * KVMPT_LOOP_SPACING + KVMPT_LANDING_READ
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        \finish

        .org    \base + KVMPT_LOOP_WRITE * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_ADDRESS(%rsi), %rax
        movq    %rsi, (%rax)
        .org    \base + KVMPT_LOOP_WRITE * KVMPT_LOOP_SPACING + KVMPT_LANDING_WRITE
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        \finish

        .org    \base + KVMPT_LOOP_FETCH * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_ADDRESS(%rsi), %rax
        jmp     *%rax
        .org    \base + KVMPT_LOOP_FETCH * KVMPT_LOOP_SPACING + KVMPT_LANDING_FETCH
        movq    %rax, KVMPT_RECORD_VALUE(%rsi)
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        \finish

        .org    \base + KVMPT_LOOP_LOCKED_OR * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_ADDRESS(%rsi), %rax
        lock orq $0, (%rax)
        .org    \base + KVMPT_LOOP_LOCKED_OR * KVMPT_LOOP_SPACING + KVMPT_LANDING_LOCKED_OR
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        \finish

/* Nothing but the probe uses the stack, so that RSP stays where the probe left it. */
        .org    \base + KVMPT_LOOP_PUSH * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_ADDRESS(%rsi), %rsp
        pushq   %rsi
        .org    \base + KVMPT_LOOP_PUSH * KVMPT_LOOP_SPACING + KVMPT_LANDING_PUSH
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        \finish

        .org    \base + KVMPT_LOOP_CALL * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_ADDRESS(%rsi), %rsp
        call    2f
        .org    \base + KVMPT_LOOP_CALL * KVMPT_LOOP_SPACING + KVMPT_LANDING_CALL
2:      addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        \finish

        .org    \base + KVMPT_LOOP_POP * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_ADDRESS(%rsi), %rsp
        popq    %rbx
        movq    %rbx, KVMPT_RECORD_VALUE(%rsi)
        .org    \base + KVMPT_LOOP_POP * KVMPT_LOOP_SPACING + KVMPT_LANDING_POP
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        \finish

/* The processor reads the descriptor on its own behalf. Where it refuses the descriptor, RBX stays
 * all ones. */
        .org    \base + KVMPT_LOOP_DESCRIPTOR * KVMPT_LOOP_SPACING
1:      movl    KVMPT_RECORD_VALUE(%rsi), %eax
        orq     $-1, %rbx
        lsll    %eax, %ebx
        movq    %rbx, KVMPT_RECORD_VALUE(%rsi)
        nop
        .org    \base + KVMPT_LOOP_DESCRIPTOR * KVMPT_LOOP_SPACING + KVMPT_LANDING_DESCRIPTOR
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        \finish
.endm

/* What only CPL 0 may do: change tables and registers between probes. */
.macro CONTROL_LOOP number, register
        .org    KVMPT_SUPERVISOR_CODE + \number * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_VALUE(%rsi), %rax
        movq    %rax, \register
        .org    KVMPT_SUPERVISOR_CODE + \number * KVMPT_LOOP_SPACING + KVMPT_LANDING_CONTROL
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        jmp     finish
.endm

.macro SUPERVISOR_LOOPS
        .org    KVMPT_SUPERVISOR_CODE + KVMPT_LOOP_STORE * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_ADDRESS(%rsi), %rax
        movq    KVMPT_RECORD_VALUE(%rsi), %rbx
        movq    %rbx, (%rax)
        .org    KVMPT_SUPERVISOR_CODE + KVMPT_LOOP_STORE * KVMPT_LOOP_SPACING + KVMPT_LANDING_STORE
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        jmp     finish

        .org    KVMPT_SUPERVISOR_CODE + KVMPT_LOOP_INVLPG * KVMPT_LOOP_SPACING
1:      movq    KVMPT_RECORD_ADDRESS(%rsi), %rax
        invlpg  (%rax)
        .org    KVMPT_SUPERVISOR_CODE + KVMPT_LOOP_INVLPG * KVMPT_LOOP_SPACING \
                + KVMPT_LANDING_INVLPG
        addq    $KVMPT_RECORD_SIZE, %rsi
        loop    1b
        jmp     finish

        CONTROL_LOOP KVMPT_LOOP_CR0, %cr0
        CONTROL_LOOP KVMPT_LOOP_CR3, %cr3
        CONTROL_LOOP KVMPT_LOOP_CR4, %cr4
.endm

.macro FINISH_AT_CPL_0
        jmp     finish
.endm

/* With RCX = 0 the handler of #UD takes it for the end. */
.macro FINISH_AT_CPL_3
        UD2
.endm

        LOOPS   KVMPT_SUPERVISOR_CODE, FINISH_AT_CPL_0
        SUPERVISOR_LOOPS

        .org    KVMPT_FINISH
finish: outb    %al, $KVMPT_EXIT_PORT
        /* Only a machine that did not see it goes on. */
        jmp     mailbox

/* Starts: the stack pointer stands on RFLAGS and RIP, or on a frame for IRETQ. */
        .org    KVMPT_START_SUPERVISOR
start_supervisor:
        popfq
        retq
        .org    KVMPT_START_USER
start_user:
        iretq
.macro FLUSH
        movq    %cr4, %rax
        movq    %rax, %rbx
        xorq    $0x80, %rax
        movq    %rax, %cr4
        movq    %rbx, %cr4
        movq    %cr3, %rax
        movq    %rax, %cr3
.endm
        .org    KVMPT_START_FLUSH_SUPERVISOR
        FLUSH
        jmp     start_supervisor
        .org    KVMPT_START_FLUSH_DESCRIPTOR
        FLUSH
        jmp     start_descriptor
        .org    KVMPT_START_FLUSH_USER
        FLUSH
        jmp     start_user
        .org    KVMPT_START_DESCRIPTOR
start_descriptor:
        movw    $KVMPT_LDT_SELECTOR, %ax
        lldt    %ax
        jmp     start_user

/* What the handlers do, at the stack: error code, RIP, CS, RFLAGS, RSP, SS. Page faults are the
 * common case, so that their handlers stand where the gates lead, and leave RIP alone. */
.macro ANSWER_AT_CPL_0
        popq    KVMPT_RECORD_ERROR(%rsi)
        movq    %cr2, %rax
        movq    %rax, KVMPT_RECORD_CR2(%rsi)
        addq    $40, %rsp
        jmp     *%rdx
.endm

.macro ANSWER_AND_KEEP_FLAGS
        popq    KVMPT_RECORD_ERROR(%rsi)
        movq    %cr2, %rax
        movq    %rax, KVMPT_RECORD_CR2(%rsi)
        addq    $16, %rsp
        popfq
        addq    $16, %rsp
        jmp     *%rdx
.endm

/* RSI is the user's view of the record; the supervisor has its own. */
.macro ANSWER_AT_CPL_3
        popq    %rax
        movq    %rax, KVMPT_RECORD_ERROR - KVMPT_USER_ALIAS(%rsi)
        movq    %cr2, %rax
        movq    %rax, KVMPT_RECORD_CR2 - KVMPT_USER_ALIAS(%rsi)
        movq    %rdx, (%rsp)
        iretq
.endm

        .org    0x2c0
common_supervisor:
        ANSWER_AT_CPL_0
common_flags:
        ANSWER_AND_KEEP_FLAGS
common_user:
        ANSWER_AT_CPL_3

undefined_at_cpl_3:
        jrcxz   1f
        pushq   $0
        movq    $6, KVMPT_RECORD_VECTOR - KVMPT_USER_ALIAS(%rsi)
        jmp     common_user
1:      jmp     finish

/* One handler per vector. #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC and #SX push an error code.
 * Source: Intel SDM volume 3A, table 7-1; AMD APM volume 2, section 8.2. */
.macro HANDLER set, vector, displacement, common, answer
        .org    KVMPT_HANDLERS + \set * KVMPT_HANDLER_SET_SIZE + \vector * KVMPT_HANDLER_SPACING
    .if \vector == KVMPT_KICK_VECTOR
        jmp     kicked
    .elseif \vector != 14
      .if !(\vector == 8 || (\vector >= 10 && \vector <= 13) || \vector == 17 || \vector == 21 \
            || \vector == 29 || \vector == 30)
        pushq   $0
      .endif
        movq    $\vector, KVMPT_RECORD_VECTOR - \displacement(%rsi)
        jmp     \common
    .else
        \answer
    .endif
.endm

        .set    vector, 0
        .rept   KVMPT_VECTOR_COUNT
        HANDLER KVMPT_HANDLERS_SUPERVISOR, vector, 0, common_supervisor, ANSWER_AT_CPL_0
        .set    vector, vector + 1
        .endr

        .set    vector, 0
        .rept   KVMPT_VECTOR_COUNT
        HANDLER KVMPT_HANDLERS_FLAGS, vector, 0, common_flags, ANSWER_AND_KEEP_FLAGS
        .set    vector, vector + 1
        .endr

        .set    vector, 0
        .rept   KVMPT_VECTOR_COUNT
        .if vector == 6
        .org    KVMPT_HANDLERS + KVMPT_HANDLERS_USER * KVMPT_HANDLER_SET_SIZE \
                + 6 * KVMPT_HANDLER_SPACING
        jmp     undefined_at_cpl_3
        .else
        HANDLER KVMPT_HANDLERS_USER, vector, KVMPT_USER_ALIAS, common_user, ANSWER_AT_CPL_3
        .endif
        .set    vector, vector + 1
        .endr

/* Takes the request before it forgets: a later one makes another interrupt. Whatever was interrupted
 * finds its registers, and its stack, which may be one under test, was not touched. */
        .org    KVMPT_KICKED
kicked: pushq   %rax
        pushq   %rbx
        pushq   %rcx
        leaq    agent + KVMPT_PARAMETERS(%rip), %rcx
        movq    KVMPT_MAIL_KICK_REQUEST(%rcx), %rbx
        movq    %cr4, %rax
        xorq    $0x80, %rax
        movq    %rax, %cr4
        xorq    $0x80, %rax
        movq    %rax, %cr4
        movq    %cr3, %rax
        movq    %rax, %cr3
        movq    %rbx, KVMPT_MAIL_KICK_DONE(%rcx)
        popq    %rcx
        popq    %rbx
        popq    %rax
        iretq

/* Waits for the next batch; from reset it is entered here. The host changes the agent's tables
 * meanwhile, so the guest waits on the ROM's, where the slot stands at the same linear addresses. */
        .org    KVMPT_MAILBOX
        leaq    agent + KVMPT_PARAMETERS(%rip), %rbp
        jmp     1f
mailbox:
        movl    $KVMPT_ROM_ADDRESS + KVMPT_ROM_TABLES, %eax
        movq    %rax, %cr3
        leaq    agent + KVMPT_PARAMETERS(%rip), %rbp
        movq    KVMPT_MAIL_REQUEST(%rbp), %rax
        movq    %rax, KVMPT_MAIL_DONE(%rbp)
1:      pause
        movq    KVMPT_MAIL_REQUEST(%rbp), %rax
        cmpq    KVMPT_MAIL_DONE(%rbp), %rax
        je      1b
        movl    $0xc0000080, %ecx
        movl    KVMPT_MAIL_EFER(%rbp), %eax
        xorl    %edx, %edx
        wrmsr
        movq    KVMPT_MAIL_CR4(%rbp), %rbx
        movq    %rbx, %cr4
        movq    KVMPT_MAIL_CR0(%rbp), %rax
        movq    %rax, %cr0
        lgdt    KVMPT_MAIL_GDTR(%rbp)
        lidt    KVMPT_MAIL_IDTR(%rbp)
        movq    $-1, KVMPT_MAIL_KICK_READY(%rbp)
        btq     $22, %rbx               /* CR4.PKE */
        jnc     2f
        xorl    %ecx, %ecx
        movl    KVMPT_MAIL_PKRU(%rbp), %eax
        wrpkru
2:      btq     $24, %rbx               /* CR4.PKS */
        jnc     3f
        movl    $0x6e1, %ecx            /* IA32_PKRS */
        movl    KVMPT_MAIL_PKRS(%rbp), %eax
        xorl    %edx, %edx
        wrmsr
3:      movq    KVMPT_MAIL_RCX(%rbp), %rcx
        movq    KVMPT_MAIL_RSI(%rbp), %rsi
        movq    KVMPT_MAIL_RDX(%rbp), %rdx
        movq    KVMPT_MAIL_RSP(%rbp), %rsp
        movq    KVMPT_MAIL_RIP(%rbp), %rax
        movq    KVMPT_MAIL_CR3(%rbp), %rbx
        movq    %rbx, %cr3
        jmp     *%rax

        LOOPS   KVMPT_USER_CODE, FINISH_AT_CPL_3
        .balign 4096
kvmpt_agent_end:

        .section .note.GNU-stack, "", @progbits
