/* The guest's memory layout and record format. Read by the assembler, by C and by Swift alike, so
 * it holds numbers only.
 *
 * The agent lives in a memory slot of its own. The slot appears in linear addresses twice, in one
 * window of 16 MiB that a single root entry leads to: from WINDOW + 0 on for the supervisor, and
 * from WINDOW + KVMPT_USER_ALIAS on for CPL 3, where only the user code and the records are mapped.
 */
#ifndef KVMPT_GUEST_LAYOUT_H
#define KVMPT_GUEST_LAYOUT_H

/* Offsets in the slot, in bytes. */
#define KVMPT_SUPERVISOR_CODE 0x0
#define KVMPT_USER_CODE 0x2000
#define KVMPT_IDT 0x3000 /* four tables of 32 gates each */
#define KVMPT_GDT 0x4000
#define KVMPT_TSS 0x4800
#define KVMPT_STACK 0x5000
#define KVMPT_KICK_STACK_TOP 0x5800  /* entry 2 of the interrupt stack table, see below */
#define KVMPT_FAULT_STACK_TOP 0x5f00 /* entry 1 */
#define KVMPT_STACK_TOP 0x6f00
#define KVMPT_START_FRAME 0x6f00 /* grows up: what the start code pops */
#define KVMPT_PARAMETERS 0x7000  /* the mailbox's, below */
#define KVMPT_ROOT_COPY 0x8000
#define KVMPT_WINDOW_TABLES 0x9000
#define KVMPT_WINDOW_TABLE_COUNT 11 /* PML4 (5 levels only), PDPT, PD, 8 PTs */
#define KVMPT_RECORDS 0x200000
#define KVMPT_SLOT_SIZE 0x800000
#define KVMPT_USER_ALIAS 0x800000
#define KVMPT_WINDOW_SIZE 0x1000000

/* A record: one probe. */
#define KVMPT_RECORD_ADDRESS 0   /* in: the linear address */
#define KVMPT_RECORD_VALUE 8     /* out: what was read, or RAX after a fetch */
#define KVMPT_RECORD_ERROR 16    /* out: the error code; all ones while nothing faulted */
#define KVMPT_RECORD_CR2 24      /* out */
#define KVMPT_RECORD_VECTOR 32   /* out; the host writes 14 before, #PF leaves it */
#define KVMPT_RECORD_SIZE 40
#define KVMPT_RECORD_CAPACITY 131072 /* (SLOT_SIZE - RECORDS) / RECORD_SIZE, at most */

/* The descriptor table's selectors. */
#define KVMPT_SUPERVISOR_CS 0x08
#define KVMPT_SUPERVISOR_DS 0x10
#define KVMPT_USER_DS 0x1b
#define KVMPT_USER_CS 0x23
#define KVMPT_TSS_SELECTOR 0x28
#define KVMPT_LDT_SELECTOR 0x38
#define KVMPT_GDT_WORDS 9

/* The loops, in the order in which they stand: at KVMPT_LOOP_SPACING from each other, first those
 * for CPL 0 in the supervisor code, then the same for CPL 3 in the user code. KVMPT_LANDING_x is
 * where a loop goes on after its probe, in bytes from its start. */
#define KVMPT_LOOP_READ 0
#define KVMPT_LOOP_WRITE 1
#define KVMPT_LOOP_FETCH 2
#define KVMPT_LOOP_LOCKED_OR 3
#define KVMPT_LOOP_PUSH 4       /* the address is where RSP stands before */
#define KVMPT_LOOP_CALL 5       /* as with PUSH; what is pushed is the landing */
#define KVMPT_LOOP_POP 6
#define KVMPT_LOOP_DESCRIPTOR 7 /* LSL of the selector in VALUE, which gets the limit */
#define KVMPT_LOOP_STORE 8      /* VALUE goes to ADDRESS; this and what follows at CPL 0 only */
#define KVMPT_LOOP_INVLPG 9
#define KVMPT_LOOP_CR0 10       /* VALUE goes to the control register */
#define KVMPT_LOOP_CR3 11
#define KVMPT_LOOP_CR4 12
#define KVMPT_LOOP_SPACING 32
#define KVMPT_LANDING_READ 10
#define KVMPT_LANDING_WRITE 6
#define KVMPT_LANDING_FETCH 5
#define KVMPT_LANDING_LOCKED_OR 8
#define KVMPT_LANDING_PUSH 4
#define KVMPT_LANDING_CALL 8
#define KVMPT_LANDING_POP 8
#define KVMPT_LANDING_DESCRIPTOR 15
#define KVMPT_LANDING_STORE 10
#define KVMPT_LANDING_INVLPG 6
#define KVMPT_LANDING_CONTROL 7
/* Where the supervisor's loops jump to when they are done; after the last loop. */
#define KVMPT_FINISH 0x1e0

/* The exception handlers: three sets of 32 at KVMPT_HANDLER_SPACING from each other. */
#define KVMPT_HANDLERS 0x400
#define KVMPT_HANDLER_SPACING 32
#define KVMPT_HANDLER_SET_SIZE 0x400
#define KVMPT_HANDLERS_SUPERVISOR 0 /* a probe at CPL 0 */
#define KVMPT_HANDLERS_FLAGS 1      /* a probe at CPL 0 whose RFLAGS must survive the exception */
#define KVMPT_HANDLERS_USER 2       /* a probe at CPL 3 */
/* The fourth table of gates leads to the handlers of KVMPT_HANDLERS_FLAGS, on the stack of entry 1
 * of the interrupt stack table: for probes at CPL 0 that move RSP. */
#define KVMPT_GATES_FAULT_STACK 3
#define KVMPT_VECTOR_COUNT 32

/* A kick: a non-maskable interrupt, for which all tables of gates have the same handler, on the stack of
 * entry 2 of the interrupt stack table. It makes the processor forget every translation, says so in the
 * mailbox (KVMPT_MAIL_KICK_DONE) and goes on where it was. */
#define KVMPT_KICK_VECTOR 2
#define KVMPT_KICKED 0x1000

/* Where the code starts: pops the start frame and goes to CPL 0 or 3. */
#define KVMPT_START_SUPERVISOR 0x200
#define KVMPT_START_USER 0x220
/* Makes the processor forget every translation, global ones too, and goes on as above. */
#define KVMPT_START_FLUSH_SUPERVISOR 0x240
#define KVMPT_START_FLUSH_USER 0x280
/* The same for CPL 3 with the local descriptor table that the GDT describes. */
#define KVMPT_START_FLUSH_DESCRIPTOR 0x260
#define KVMPT_START_DESCRIPTOR 0x2a0

/* An OUT to this port ends a batch on machines that see it. */
#define KVMPT_EXIT_PORT 0xf4

/* The mailbox: where the guest waits on machines whose registers the host cannot set. It waits on
 * the ROM's tables while KVMPT_MAIL_REQUEST equals KVMPT_MAIL_DONE; then it takes everything else
 * from the parameters, offsets from KVMPT_PARAMETERS. */
#define KVMPT_MAILBOX 0x1800
#define KVMPT_MAIL_REQUEST 0x0 /* the host counts */
#define KVMPT_MAIL_DONE 0x8    /* the guest follows */
#define KVMPT_MAIL_CR0 0x10
#define KVMPT_MAIL_CR3 0x18
#define KVMPT_MAIL_CR4 0x20
#define KVMPT_MAIL_EFER 0x28
#define KVMPT_MAIL_PKRU 0x30 /* four bytes */
#define KVMPT_MAIL_PKRS 0x34 /* four bytes */
#define KVMPT_MAIL_RIP 0x38
#define KVMPT_MAIL_RSP 0x40
#define KVMPT_MAIL_RCX 0x48
#define KVMPT_MAIL_RSI 0x50
#define KVMPT_MAIL_RDX 0x58
#define KVMPT_MAIL_GDTR 0x60 /* limit and base, ten bytes */
#define KVMPT_MAIL_IDTR 0x70
#define KVMPT_MAIL_KICK_READY 0x80   /* the guest has gates for kicks: all ones */
#define KVMPT_MAIL_KICK_REQUEST 0x88 /* the host counts */
#define KVMPT_MAIL_KICK_DONE 0x90    /* the guest follows */
#define KVMPT_MAIL_SIZE 0x98

/* The ROM of a machine that starts at the reset vector, see reset.S: offsets in it. The host
 * builds the tables: the ROM at its own address, and the start of the agent's slot at its window. */
#define KVMPT_ROM_SIZE 0x10000
#define KVMPT_ROM_ADDRESS 0xffff0000
#define KVMPT_ROM_TABLES 0x0
#define KVMPT_ROM_TABLE_COUNT 12
#define KVMPT_ROM_CR4 0xc000
#define KVMPT_ROM_PAT 0xc008
#define KVMPT_ROM_ENTRY 0xc010
#define KVMPT_ROM_GDT 0xc800
#define KVMPT_ROM_CODE 0xf000

/* What stands at the start of a frame under test, see guest_images.h. */
#define KVMPT_STAMP_FETCH 6    /* offset of the stub: movabs $address, %rax; jmp *%rdx */
#define KVMPT_STAMP_ADDRESS 8  /* offset of the frame's physical address */
#define KVMPT_STAMP_WRITE 24   /* offset of the first word that write probes use */

#endif
