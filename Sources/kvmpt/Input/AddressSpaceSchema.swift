// AddressSpaceSchema: the JSON Schema of address-space files, printed by `kvmpt schema`.

/// The schema, the same text as `Schemas/address-space.schema.json`.
enum AddressSpaceSchema {
  static let text = #"""
    {
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "$id": "urn:kvmpt:schema:address-space:1",
      "title": "kvmpt address space",
      "description": "What `kvmpt verify` builds and proves: guest memory, processor state, mappings and expectations. YAML and JSON alike. The schema states the form; `kvmpt check` also finds contradictions.",
      "type": "object",
      "properties": {
        "name": {
          "$ref": "#/$defs/name",
          "description": "The name used in reports."
        },
        "description": {
          "type": "string",
          "description": "Free text."
        },
        "levels": {
          "description": "Levels of tables: 4 (48-bit linear addresses) or 5 (57-bit).",
          "enum": [
            4,
            5
          ],
          "default": 4
        },
        "memory": {
          "$ref": "#/$defs/size",
          "description": "Guest memory from physical address 0; a multiple of 4 KiB."
        },
        "processor": {
          "$ref": "#/$defs/processor"
        },
        "mappings": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/mapping"
          },
          "description": "Ranges of linear addresses that do not overlap."
        },
        "expect": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/expectation"
          },
          "description": "What must hold beyond the mappings."
        }
      },
      "required": [
        "memory",
        "mappings"
      ],
      "additionalProperties": false,
      "$defs": {
        "name": {
          "type": "string",
          "minLength": 1,
          "maxLength": 200
        },
        "number": {
          "description": "A number: decimal, or hexadecimal in quotes in JSON; digits may be separated by underscores.",
          "anyOf": [
            {
              "type": "integer",
              "minimum": 0
            },
            {
              "type": "string",
              "pattern": "^(0[xX][0-9a-fA-F]+(_[0-9a-fA-F]+)*|[0-9]+(_[0-9]+)*)$"
            }
          ]
        },
        "size": {
          "description": "A number of bytes, with a binary unit if wanted.",
          "anyOf": [
            {
              "type": "integer",
              "minimum": 0
            },
            {
              "type": "string",
              "pattern": "^(0[xX][0-9a-fA-F]+(_[0-9a-fA-F]+)*|[0-9]+(_[0-9]+)*)( *[KMGT]iB)?$"
            }
          ]
        },
        "processor": {
          "type": "object",
          "description": "The control-register state the address space is used with.",
          "properties": {
            "wp": {
              "type": "boolean",
              "default": true,
              "description": "CR0.WP: supervisor code may not write read-only pages."
            },
            "nxe": {
              "type": "boolean",
              "default": true,
              "description": "IA32_EFER.NXE: pages can be not executable."
            },
            "smep": {
              "type": "boolean",
              "default": false,
              "description": "CR4.SMEP: supervisor code may not execute user pages."
            },
            "smap": {
              "type": "boolean",
              "default": false,
              "description": "CR4.SMAP: supervisor code may not touch user pages unless AC is set."
            },
            "ac": {
              "type": "boolean",
              "default": false,
              "description": "RFLAGS.AC while supervisor code runs; refused without SMAP."
            },
            "pke": {
              "type": "boolean",
              "default": false,
              "description": "CR4.PKE: protection keys for user pages."
            },
            "pkru": {
              "$ref": "#/$defs/number",
              "default": 0,
              "description": "PKRU: bit 2k denies access, bit 2k+1 denies writes, to user pages with key k; refused without PKE."
            }
          },
          "additionalProperties": false
        },
        "mapping": {
          "type": "object",
          "description": "A range of linear addresses and what it should reach.",
          "properties": {
            "name": {
              "$ref": "#/$defs/name",
              "description": "The name used in reports; no two mappings share one."
            },
            "linear": {
              "$ref": "#/$defs/size",
              "description": "The first linear address; canonical, a multiple of 4 KiB."
            },
            "physical": {
              "description": "The first physical address, or \"anywhere\": memory that kvmpt chooses.",
              "default": "anywhere",
              "anyOf": [
                {
                  "const": "anywhere"
                },
                {
                  "$ref": "#/$defs/size"
                }
              ]
            },
            "size": {
              "$ref": "#/$defs/size",
              "description": "The number of bytes; a multiple of 4 KiB."
            },
            "rights": {
              "type": "string",
              "pattern": "^([r-][w-][x-]|none)$",
              "description": "r, w and x in this order, '-' for what is missing; --- for a range that must not be mapped."
            },
            "user": {
              "type": "boolean",
              "default": false,
              "description": "Code at CPL 3 may use the pages."
            },
            "page": {
              "enum": [
                "largest",
                "4KiB",
                "2MiB",
                "1GiB"
              ],
              "default": "largest",
              "description": "The page size: the largest that fits, or exactly this one."
            },
            "memory-type": {
              "enum": [
                "WB",
                "WT",
                "UC",
                "UC-",
                "WC",
                "WP"
              ],
              "default": "WB",
              "description": "The memory type, selected through IA32_PAT."
            },
            "key": {
              "type": "integer",
              "minimum": 0,
              "maximum": 15,
              "default": 0,
              "description": "The protection key; without PKE it is written and compared, and no access depends on it."
            },
            "global": {
              "type": "boolean",
              "default": false,
              "description": "The translation survives a load of CR3."
            },
            "accessed": {
              "type": "boolean",
              "description": "The A bit: true is set from the start, false must be clear; not compared where this is missing."
            },
            "dirty": {
              "type": "boolean",
              "description": "The D bit: true is set from the start, false must be clear; not compared where this is missing."
            },
            "software-bits": {
              "$ref": "#/$defs/number",
              "default": 0,
              "description": "Ten bits for software: 0 to 2 are bits 9 to 11 of the entry, 3 to 9 are bits 52 to 58."
            },
            "device": {
              "type": "boolean",
              "default": false,
              "description": "There is no memory behind the physical addresses, and that is meant."
            }
          },
          "required": [
            "linear",
            "size",
            "rights"
          ],
          "additionalProperties": false
        },
        "expectation": {
          "type": "object",
          "description": "One access and what must happen.",
          "properties": {
            "address": {
              "$ref": "#/$defs/size",
              "description": "The linear address; may be non-canonical."
            },
            "access": {
              "enum": [
                "read",
                "write",
                "fetch"
              ]
            },
            "cpl": {
              "enum": [
                0,
                3
              ],
              "description": "The privilege of the code that makes the access."
            },
            "outcome": {
              "enum": [
                "success",
                "fault"
              ]
            },
            "error-code": {
              "$ref": "#/$defs/number",
              "description": "The error code of the page fault; any exception where it is missing."
            },
            "physical": {
              "$ref": "#/$defs/size",
              "description": "The physical address that a success reaches."
            }
          },
          "required": [
            "address",
            "access",
            "cpl",
            "outcome"
          ],
          "additionalProperties": false
        }
      }
    }

    """#
}
