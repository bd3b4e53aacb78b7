/* How a kernel under test is entered: a ROM from the reset vector to 32-bit mode, and the handover
 * page from there to 64-bit mode. boot_layout.h says what the host fills in.
 *
 * Source: Intel SDM volume 3A, sections 10.1.4 (first instruction) and 10.8.5 (IA-32e mode).
 */
#include "include/boot_layout.h"

#define ROM(label) (KVMPT_BOOT_ROM_ADDRESS + (label) - kvmpt_boot_rom_start)

        .section .rodata.kvmpt_boot, "a", @progbits
        .balign 4096
        .globl  kvmpt_boot_rom_start, kvmpt_handover_start
kvmpt_boot_rom_start:
rom_gdt:
        .quad   0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
rom_gdt_end:
rom_gdt_register:
        .short  rom_gdt_end - rom_gdt - 1
        .long   ROM(rom_gdt)

        .org    KVMPT_BOOT_ROM_CODE
        .code16
boot_16:
        cli
        lgdtl   %cs:(0xf000 + rom_gdt_register - kvmpt_boot_rom_start)
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        .byte   0x66, 0xea              /* ljmpl $KVMPT_BOOT_CS_32, $boot_32 */
        .long   ROM(boot_32)
        .short  KVMPT_BOOT_CS_32

        .code32
boot_32:
        movw    $KVMPT_BOOT_DS, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        /* Caches on. Source: Intel SDM volume 3A, section 2.5 (CR0.CD and CR0.NW). */
        movl    %cr0, %eax
        andl    $0x9fffffff, %eax
        movl    %eax, %cr0
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
        movl    KVMPT_BOOT_ROM_ADDRESS + KVMPT_BOOT_ROM_INFO, %ebx
        movl    KVMPT_BOOT_ROM_ADDRESS + KVMPT_BOOT_ROM_ENTRY, %ebp
        jmp     *%ebp

        .org    KVMPT_BOOT_ROM_SIZE - 16
        .code16
        jmp     boot_16
        .org    KVMPT_BOOT_ROM_SIZE

/* EBX holds the address of the start information, which stands in this page. */
kvmpt_handover_start:
#define FIELD(offset) ((offset) - KVMPT_HANDOVER_INFO)
        .code32
        movl    FIELD(KVMPT_HANDOVER_CR4)(%ebx), %eax
        movl    %eax, %cr4
        movl    FIELD(KVMPT_HANDOVER_CR3)(%ebx), %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx       /* IA32_EFER */
        movl    FIELD(KVMPT_HANDOVER_EFER)(%ebx), %eax
        xorl    %edx, %edx
        wrmsr
        lgdtl   FIELD(KVMPT_HANDOVER_GDTR)(%ebx)
        lidtl   FIELD(KVMPT_HANDOVER_IDTR)(%ebx)
        movl    FIELD(KVMPT_HANDOVER_CR0)(%ebx), %eax
        movl    %eax, %cr0
        ljmpl   *FIELD(KVMPT_HANDOVER_FAR)(%ebx)

        .code64
        .globl  kvmpt_handover_64
kvmpt_handover_64:
        movl    %ebx, %edi
        movq    FIELD(KVMPT_HANDOVER_RSP)(%rdi), %rsp
        movabsq $KVMPT_INITIAL_CR2, %rax
        movq    %rax, %cr2
        xorl    %eax, %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %esi, %esi
        xorl    %ebp, %ebp
        jmp     *FIELD(KVMPT_HANDOVER_RIP)(%rdi)
kvmpt_handover_end:
        .org    KVMPT_BOOT_ROM_SIZE + 0x200

        .section .note.GNU-stack, "", @progbits
