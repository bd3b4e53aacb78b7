/* What a kernel under test starts with: numbers that the assembler, C and Swift share.
 *
 * The boot ROM is the last 4 KiB below 4 GiB. It leads from the reset vector to 32-bit mode and jumps
 * to KVMPT_BOOT_ROM_ENTRY with KVMPT_BOOT_ROM_INFO in EBX, as PVH has it. The handover page is a page
 * of RAM, mapped where it is: descriptors, the start information, and code from 32-bit mode to the
 * kernel's entry in 64-bit mode.
 */
#ifndef KVMPT_BOOT_LAYOUT_H
#define KVMPT_BOOT_LAYOUT_H

#define KVMPT_BOOT_ROM_SIZE 0x1000
#define KVMPT_BOOT_ROM_ADDRESS 0xfffff000
#define KVMPT_BOOT_ROM_ENTRY 0x100 /* four bytes */
#define KVMPT_BOOT_ROM_INFO 0x104  /* four bytes */
#define KVMPT_BOOT_ROM_CODE 0x200

/* Offsets in the handover page; each register has eight bytes. */
#define KVMPT_HANDOVER_CODE 0x0
#define KVMPT_HANDOVER_CR0 0x200
#define KVMPT_HANDOVER_CR3 0x208
#define KVMPT_HANDOVER_CR4 0x210
#define KVMPT_HANDOVER_EFER 0x218
#define KVMPT_HANDOVER_RIP 0x220
#define KVMPT_HANDOVER_RSP 0x228
#define KVMPT_HANDOVER_FAR 0x230  /* offset and selector of the code in 64-bit mode */
#define KVMPT_HANDOVER_GDTR 0x240 /* limit and base, ten bytes */
#define KVMPT_HANDOVER_IDTR 0x250
#define KVMPT_HANDOVER_GDT 0x300
#define KVMPT_HANDOVER_INFO 0x400
#define KVMPT_HANDOVER_MEMORY_MAP 0x440
#define KVMPT_HANDOVER_COMMAND_LINE 0x800
#define KVMPT_HANDOVER_SIZE 0x1000

/* The descriptors: 64-bit code, data, 32-bit code. */
#define KVMPT_BOOT_CS 0x08
#define KVMPT_BOOT_DS 0x10
#define KVMPT_BOOT_CS_32 0x18
#define KVMPT_BOOT_GDT_WORDS 4

/* What CR2 holds before the first page fault: not canonical, so that no page fault can report it. */
#define KVMPT_INITIAL_CR2 0x6b766d7074000000

#endif
