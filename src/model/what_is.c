/* SPDX-License-Identifier: MIT */
#include "model/what_is.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* Of the text or the bytes that a sentence shows. */
#define SHOWN_BYTES 48U
#define SHOWN_NUMBERS 6U

/* Of a ZIP archive's first entry. */
#define ZIP_NAME_BYTES_AT 26U
#define ZIP_NAME_AT 30U

static const struct {
    vit158_content_kind kind;
    uint16_t offset;
    uint8_t n_bytes;
    const char *magic;
} magics[] = {{VIT158_CONTENT_GGUF, 0, 4, "GGUF"},
              {VIT158_CONTENT_TFLITE, 4, 4, "TFL3"},
              {VIT158_CONTENT_HDF5, 0, 8, "\211HDF\r\n\032\n"},
              {VIT158_CONTENT_NUMPY, 0, 6, "\223NUMPY"},
              {VIT158_CONTENT_GZIP, 0, 2, "\037\213"},
              {VIT158_CONTENT_PACKED, 0, 3, "BZh"},
              {VIT158_CONTENT_PACKED, 0, 6, "\3757zXZ\0"},
              {VIT158_CONTENT_PACKED, 0, 4, "\050\265\057\375"}, /* Zstandard */
              {VIT158_CONTENT_PACKED, 0, 4, "\004\042\115\030"}, /* LZ4 */
              {VIT158_CONTENT_PACKED, 0, 6, "7z\274\257\047\034"},
              {VIT158_CONTENT_PACKED, 0, 4, "Rar!"},
              {VIT158_CONTENT_PACKED, 257, 5, "ustar"},
              {VIT158_CONTENT_IMAGE, 0, 3, "\377\330\377"},
              {VIT158_CONTENT_IMAGE, 0, 4, "\211PNG"},
              {VIT158_CONTENT_IMAGE, 0, 4, "GIF8"},
              {VIT158_CONTENT_IMAGE, 0, 4, "RIFF"},
              {VIT158_CONTENT_IMAGE, 0, 4, "II*\0"},
              {VIT158_CONTENT_IMAGE, 4, 4, "ftyp"},
              {VIT158_CONTENT_PDF, 0, 5, "%PDF-"},
              {VIT158_CONTENT_UTF16, 0, 2, "\377\376"},
              {VIT158_CONTENT_UTF16, 0, 2, "\376\377"},
              {VIT158_CONTENT_SAVED, 0, 3, "\010\001\022"}};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Whether `text` comes first, in any case; `text` is in lower case. */
static bool begins(const uint8_t *head, size_t n_bytes, const char *text)
{
    const size_t length = strlen(text);
    if (n_bytes < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        const uint8_t c = head[i] >= 'A' && head[i] <= 'Z' ? (uint8_t)(head[i] | 0x20) : head[i];
        if (c != (uint8_t)text[i])
            return false;
    }
    return true;
}

static bool is_text(const uint8_t *head, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        if (head[i] < 0x20 && !is_space(head[i]))
            return false;
    }
    return true;
}

/* Where text begins: behind a byte order mark and spaces. */
static size_t text_start(const uint8_t *head, size_t n_bytes)
{
    size_t start = n_bytes >= 3 && memcmp(head, "\357\273\277", 3) == 0 ? 3 : 0;
    while (start < n_bytes && is_space(head[start]))
        start++;
    return start;
}

static vit158_content_kind text_kind(const uint8_t *head, size_t n_bytes)
{
    static const char *const pages[] = {"<!doctype", "<html", "<head", "<body", "<!--"};
    const size_t start = text_start(head, n_bytes);
    const uint8_t *text = head + start;
    const size_t left = n_bytes - start;
    if (begins(text, left, "version https://git-lfs.github.com") ||
        begins(text, left, "version https://hawser.github.com"))
        return VIT158_CONTENT_LFS;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (begins(text, left, pages[i]))
            return VIT158_CONTENT_HTML;
    }
    return left > 0 && (*text == '{' || *text == '[') ? VIT158_CONTENT_JSON : VIT158_CONTENT_TEXT;
}

/* An ONNX file is a protocol buffer: field 1 (ir_version) a small number, then field 2
 * (producer_name, a short word) or 7 (graph), each with a length. */
static bool is_onnx(const uint8_t *head, size_t n_bytes)
{
    return n_bytes > 4 && head[0] == 8 && head[1] < 32 &&
           (head[2] == 0x3A || (head[2] == 0x12 && head[3] < 0x80 && head[4] >= 0x20));
}

/* What a ZIP archive holds, by its first entry. */
static vit158_content_kind zip_kind(const uint8_t *head, size_t n_bytes)
{
    static const struct {
        vit158_content_kind kind;
        const char *ending;
    } entries[] = {{VIT158_CONTENT_TORCH, "data.pkl"}, {VIT158_CONTENT_NUMPY, ".npy"}};
    const size_t length = n_bytes > ZIP_NAME_AT ? head[ZIP_NAME_BYTES_AT] : 0;
    const size_t end = ZIP_NAME_AT + length;
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        const size_t ending = strlen(entries[i].ending);
        if (length >= ending && end <= n_bytes &&
            memcmp(head + end - ending, entries[i].ending, ending) == 0)
            return entries[i].kind;
    }
    return VIT158_CONTENT_ZIP;
}

/* The header's length, 8 bytes of which the upper are zero, and its first brace. */
static bool may_be_model(const uint8_t *head, size_t n_bytes)
{
    return n_bytes >= 8 && (n_bytes == 8 || head[8] == '{') && memcmp(head + 4, "\0\0\0", 4) == 0;
}

vit158_content_kind vit158_what_is(const uint8_t *head, size_t n_bytes)
{
    if (n_bytes == 0)
        return VIT158_CONTENT_EMPTY;
    if (may_be_model(head, n_bytes))
        return VIT158_CONTENT_MODEL;
    if (n_bytes >= 4 && memcmp(head, "PK\3\4", 4) == 0)
        return zip_kind(head, n_bytes);
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (n_bytes >= (size_t)magics[i].offset + magics[i].n_bytes &&
            memcmp(head + magics[i].offset, magics[i].magic, magics[i].n_bytes) == 0)
            return magics[i].kind;
    }
    if (n_bytes > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5)
        return VIT158_CONTENT_PICKLE;
    if (is_onnx(head, n_bytes))
        return VIT158_CONTENT_ONNX;
    return is_text(head, n_bytes) ? text_kind(head, n_bytes) : VIT158_CONTENT_UNKNOWN;
}

bool vit158_is_archive(vit158_content_kind kind)
{
    return kind == VIT158_CONTENT_ZIP || kind == VIT158_CONTENT_TORCH;
}

#define TAKE "take the model's safetensors or PyTorch file and run vit158 import"

static const char *const sentences[] = {
    [VIT158_CONTENT_MODEL] = "is a safetensors file",
    [VIT158_CONTENT_EMPTY] = "is empty: the download failed",
    [VIT158_CONTENT_LFS] = "is a Git LFS pointer, not the file itself: run git lfs pull, or "
                           "download the file from the model's page",
    [VIT158_CONTENT_TORCH] = "is a ZIP archive, as torch.save writes them (.pth, .bin): run "
                             "vit158 import FILE -o OUT.safetensors",
    [VIT158_CONTENT_ZIP] = "is a ZIP archive: unpack it and give the model that is in it",
    [VIT158_CONTENT_NUMPY] = "holds NumPy arrays: load them into a model of timm, save its "
                             "state_dict with torch.save and run vit158 import",
    [VIT158_CONTENT_PICKLE] = "is a pickle in PyTorch's old format (before 1.6): load it with "
                              "torch.load and save its state_dict with torch.save again",
    [VIT158_CONTENT_GGUF] = "is a GGUF file (llama.cpp): " TAKE,
    [VIT158_CONTENT_TFLITE] = "is a TensorFlow Lite model: " TAKE,
    [VIT158_CONTENT_SAVED] = "is a TensorFlow SavedModel: " TAKE,
    [VIT158_CONTENT_HDF5] = "is an HDF5 file (Keras, TensorFlow): " TAKE,
    [VIT158_CONTENT_GZIP] = "is compressed with gzip: unpack it with gunzip",
    [VIT158_CONTENT_PACKED] = "is packed (as tar, bzip2, xz, Zstandard, LZ4, 7-Zip or RAR do): "
                              "unpack it first",
    [VIT158_CONTENT_ONNX] = "is an ONNX model: " TAKE,
    [VIT158_CONTENT_HTML] = "is an HTML page, not a model: the address leads to a page, a log-in "
                            "or an error",
    [VIT158_CONTENT_JSON] = "is JSON text, not a model: if it lies in a Hugging Face folder, run "
                            "vit158 import FOLDER -o OUT.safetensors; it begins with ",
    [VIT158_CONTENT_IMAGE] = "is an image or a video, not a model",
    [VIT158_CONTENT_PDF] = "is a PDF document, not a model",
    [VIT158_CONTENT_UTF16] = "is text in UTF-16, not a model",
    [VIT158_CONTENT_TEXT] = "is text, not a model; it begins with ",
    [VIT158_CONTENT_UNKNOWN] = "is not a safetensors file, nor of another kind known here; it "
                               "begins with the bytes"};

/* The first characters in one line, others than ASCII's as "?". */
static void show_text(char out[SHOWN_BYTES + 1], const uint8_t *head, size_t n_bytes)
{
    size_t length = 0;
    for (size_t at = text_start(head, n_bytes); at < n_bytes && length < SHOWN_BYTES; at++) {
        if (!is_space(head[at]))
            out[length++] = head[at] < 0x7F ? (char)head[at] : '?';
        else if (out[length - 1] != ' ')
            out[length++] = ' ';
    }
    while (length > 0 && out[length - 1] == ' ')
        length--;
    out[length] = 0;
}

static void show_bytes(char out[SHOWN_BYTES + 1], const uint8_t *head, size_t n_bytes)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    for (size_t at = 0; at < n_bytes && at < SHOWN_NUMBERS; at++) {
        out[length++] = ' ';
        out[length++] = digits[head[at] >> 4];
        out[length++] = digits[head[at] & 15];
    }
    out[length] = 0;
}

void vit158_what_is_sentence(char out[VIT158_SENTENCE_BYTES], const uint8_t *head, size_t n_bytes)
{
    const vit158_content_kind kind = vit158_what_is(head, n_bytes);
    char shown[SHOWN_BYTES + 1] = "";
    if (kind == VIT158_CONTENT_TEXT || kind == VIT158_CONTENT_JSON)
        show_text(shown, head, n_bytes);
    else if (kind == VIT158_CONTENT_UNKNOWN)
        show_bytes(shown, head, n_bytes);
    vit158_format(out, VIT158_SENTENCE_BYTES, "%s%s", sentences[kind], shown);
}

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

const char *vit158_names_advice(const vit158_header *header)
{
    static const struct {
        const char *prefix;
        const char *advice;
    } families[] = {
        {"vit.", "these are Hugging Face's names: run vit158 import FOLDER -o OUT.safetensors on "
                 "the folder with its config.json"},
        {"deit.", "these are Hugging Face's names: run vit158 import FOLDER -o OUT.safetensors on "
                  "the folder with its config.json"},
        {"embeddings.", "these are Hugging Face's names: run vit158 import FOLDER -o "
                        "OUT.safetensors on the folder with its config.json"},
        {"timm_model.", "these are Hugging Face's names of a timm model: run vit158 import FOLDER "
                        "-o OUT.safetensors"},
        {"module.", "names begin with module., as DataParallel writes them: run vit158 import FILE "
                    "-o OUT.safetensors"},
        {"model.", "names begin with model., as Lightning writes them: run vit158 import FILE -o "
                   "OUT.safetensors"},
        {"_orig_mod.", "names begin with _orig_mod., as torch.compile writes them: run vit158 "
                       "import FILE -o OUT.safetensors"},
        {"conv_proj.", "these are torchvision's names: run vit158 import FILE -o OUT.safetensors"},
        {"class_token", "these are torchvision's names: run vit158 import FILE -o OUT.safetensors"},
    };
    static const char *const parts[] = {".cls_token", ".patch_embed", ".class_token", ".conv_proj"};
    for (size_t family = 0; family < sizeof families / sizeof families[0]; family++) {
        for (uint32_t i = 0; i < header->tensor_count; i++) {
            if (has_prefix(header->tensors[i].name, families[family].prefix))
                return families[family].advice;
        }
    }
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        if (has_prefix(header->tensors[i].name, "cls_token") ||
            has_prefix(header->tensors[i].name, "patch_embed."))
            return "vit158 import FILE -o OUT.safetensors takes timm's variants";
    }
    for (uint32_t i = 0; i < header->tensor_count; i++) {
        for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
            if (strstr(header->tensors[i].name, parts[part]) != NULL)
                return "these are names of a Vision Transformer inside something else: run vit158 "
                       "import FILE -o OUT.safetensors";
        }
    }
    return "vit158 import takes Vision Transformers with the names of timm, Hugging Face or "
           "torchvision";
}
