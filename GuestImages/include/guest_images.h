/* The guest programs as data, and the record as a structure. */
#ifndef KVMPT_GUEST_IMAGES_H
#define KVMPT_GUEST_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#include "boot_layout.h"
#include "guest_layout.h"

/* One probe: filled in by the host, answered by the guest. */
struct kvmpt_record {
  uint64_t address;
  uint64_t value;
  uint64_t error_code;
  uint64_t cr2;
  uint64_t vector;
};

_Static_assert(sizeof(struct kvmpt_record) == KVMPT_RECORD_SIZE, "record size");
_Static_assert(offsetof(struct kvmpt_record, value) == KVMPT_RECORD_VALUE, "value");
_Static_assert(offsetof(struct kvmpt_record, error_code) == KVMPT_RECORD_ERROR, "error code");
_Static_assert(offsetof(struct kvmpt_record, cr2) == KVMPT_RECORD_CR2, "cr2");
_Static_assert(offsetof(struct kvmpt_record, vector) == KVMPT_RECORD_VECTOR, "vector");
_Static_assert(
    KVMPT_RECORDS + (uint64_t)KVMPT_RECORD_CAPACITY * KVMPT_RECORD_SIZE <= KVMPT_SLOT_SIZE,
    "the records fit into the slot");

extern const uint8_t kvmpt_agent_start[];
extern const uint8_t kvmpt_agent_end[];

/* The agent's supervisor and user code, to be copied to the start of its slot. */
static inline const void *kvmpt_agent_image(void) { return kvmpt_agent_start; }
static inline uint64_t kvmpt_agent_image_size(void) {
  return (uint64_t)(kvmpt_agent_end - kvmpt_agent_start);
}

extern const uint8_t kvmpt_rom_start[];

/* The ROM, KVMPT_ROM_SIZE bytes, in which the tables and the parameters are still zero. */
static inline const void *kvmpt_rom_image(void) { return kvmpt_rom_start; }

extern const uint8_t kvmpt_boot_rom_start[];
extern const uint8_t kvmpt_handover_start[];
extern const uint8_t kvmpt_handover_64[];

/* The boot ROM, KVMPT_BOOT_ROM_SIZE bytes, without its parameters. */
static inline const void *kvmpt_boot_rom_image(void) { return kvmpt_boot_rom_start; }
/* The handover page's code, 512 bytes, and where in it the part in 64-bit mode begins. */
static inline const void *kvmpt_handover_image(void) { return kvmpt_handover_start; }
static inline uint32_t kvmpt_handover_64_offset(void) {
  return (uint32_t)(kvmpt_handover_64 - kvmpt_handover_start);
}

#endif
