/* The firmware of a machine that starts at the reset vector: from there to 64-bit mode, and on to
 * the agent's mailbox. It is a ROM of 64 KiB below 4 GiB; the host fills in the tables and the
 * parameters, so that nothing in guest RAM is touched.
 *
 * Source: Intel SDM volume 3A, sections 10.1.4 (first instruction) and 10.8.5 (IA-32e mode).
 */
#include "include/guest_layout.h"

#define ROM(offset) (KVMPT_ROM_ADDRESS + (offset))

        .section .rodata.kvmpt_rom, "a", @progbits
        .balign 4096
        .globl  kvmpt_rom_start, kvmpt_rom_end
kvmpt_rom_start:

/* The agent's descriptors, an available TSS, and a 32-bit code segment for the way up. */
        .org    KVMPT_ROM_GDT
        .quad   0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
        .quad   0, 0                    /* KVMPT_TSS_SELECTOR, filled in */
        .quad   0x00cf9b000000ffff
#define CODE_32 0x38
gdt_end:
        .balign 8
        .short  0
gdt_register:
        .short  gdt_end - kvmpt_rom_start - KVMPT_ROM_GDT - 1
        .long   ROM(KVMPT_ROM_GDT)

        .org    KVMPT_ROM_CODE
        .code16
start_16:
        cli
        lgdtl   %cs:(gdt_register - kvmpt_rom_start)
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        .byte   0x66, 0xea              /* ljmpl $CODE_32, $start_32 */
        .long   ROM(start_32 - kvmpt_rom_start)
        .short  CODE_32

        .code32
start_32:
        movw    $KVMPT_SUPERVISOR_DS, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        /* The host bridge's PAM registers: RAM instead of ROM from 0xc0000 to 0xfffff.
         * Source: Intel 440FX PCIset datasheet, section 3.2.12 (PAM). */
        movw    $0xcf8, %dx
        movl    $0x80000058, %eax
        outl    %eax, %dx
        movw    $0xcfd, %dx
        movb    $0x30, %al
        outb    %al, %dx
        movw    $0xcfe, %dx
        movw    $0x3333, %ax
        outw    %ax, %dx
        movw    $0xcf8, %dx
        movl    $0x8000005c, %eax
        outl    %eax, %dx
        movw    $0xcfc, %dx
        movl    $0x33333333, %eax
        outl    %eax, %dx

        /* Non-maskable interrupts from outside come by the local interrupt 1 of the APIC, which is enabled
         * for that. Source: Intel SDM volume 3A, sections 12.5.1 (LVT) and 12.9 (spurious interrupt). */
        movl    $0x1ff, 0xfee000f0
        movl    $0x400, 0xfee00360

        movl    ROM(KVMPT_ROM_CR4), %eax
        movl    %eax, %cr4
        movl    $ROM(KVMPT_ROM_TABLES), %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx       /* IA32_EFER: SCE, LME */
        rdmsr
        orl     $0x101, %eax
        wrmsr
        movl    $0x277, %ecx            /* IA32_PAT */
        movl    ROM(KVMPT_ROM_PAT), %eax
        movl    ROM(KVMPT_ROM_PAT + 4), %edx
        wrmsr
        movl    $0x80010033, %eax       /* PG, WP, NE, ET, MP, PE */
        movl    %eax, %cr0
        ljmp    $KVMPT_SUPERVISOR_CS, $ROM(start_64 - kvmpt_rom_start)

        .code64
start_64:
        movw    $KVMPT_TSS_SELECTOR, %ax
        ltr     %ax
        movq    (kvmpt_rom_start + KVMPT_ROM_ENTRY)(%rip), %rax
        jmp     *%rax

        .org    KVMPT_ROM_SIZE - 16
        .code16
        jmp     start_16
        .org    KVMPT_ROM_SIZE
kvmpt_rom_end:

        .section .note.GNU-stack, "", @progbits
