# SPDX-License-Identifier: MIT
# `vit158 import`: native, and the import module of the npm command.
set(VIT158_IMPORT_SOURCES
    src/import/config_hf.c
    src/import/config_table.c
    src/import/config_timm.c
    src/import/import.c
    src/import/import_files.c
    src/import/import_globals.c
    src/import/import_plan.c
    src/import/import_report.c
    src/import/import_tensors.c
    src/import/import_variant.c
    src/import/importer.c
    src/import/json_value.c
    src/import/pickle_globals.c
    src/import/pickle_machine.c
    src/import/pickle_read.c
    src/import/places.c
    src/import/positions.c
    src/import/source.c
    src/import/source_archive.c
    src/import/source_open.c
    src/import/source_safetensors.c
    src/import/zip_read.c)
