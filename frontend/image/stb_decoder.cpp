#include "frontend/image/stb_decoder.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "frontend/image/jpeg_segments.h"
#include "runtime/base/text.h"

namespace {

// A picture of a few pixels may hold gigabytes of compressed zeros, and the decoder would make room for them all. While
// a picture is decoded, no single block of memory may be larger than a picture of its size has reason to need.
thread_local size_t largest_block = 0;

// Zeros, as the decoder reads tables that a file need not have filled.
void* allocate(size_t bytes) { return bytes > largest_block ? nullptr : std::calloc(1, bytes); }
void* reallocate(void* block, size_t bytes) { return bytes > largest_block ? nullptr : std::realloc(block, bytes); }

}  // namespace

// Formats with a clear signature and a decoder that notices what is missing.
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_GIF
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_MALLOC(bytes) allocate(bytes)
#define STBI_REALLOC(block, bytes) reallocate(block, bytes)
#define STBI_FREE(block) std::free(block)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

namespace lorikeet {
namespace {

constexpr size_t kHeaderBlock = size_t(1) << 20;

// Hands the bytes out and notes when more were asked for than there are: the decoder would go on with zeros.
struct Source {
  std::span<const std::byte> left;
  bool exhausted = false;

  static int read(void* user, char* to, int wanted) {
    Source& source = *static_cast<Source*>(user);
    const size_t count = std::min(source.left.size(), size_t(wanted));
    if (count == 0) source.exhausted = true;
    if (count > 0) std::memcpy(to, source.left.data(), count);
    source.left = source.left.subspan(count);
    return int(count);
  }
  static void skip(void* user, int count) {
    Source& source = *static_cast<Source*>(user);
    source.left = source.left.subspan(std::min(source.left.size(), size_t(count)));
  }
  static int at_end(void* user) { return static_cast<Source*>(user)->left.empty(); }
};
constexpr stbi_io_callbacks kCallbacks = {Source::read, Source::skip, Source::at_end};

// Twice 8 bytes a pixel as its buffers double, whole blocks of 32 x 32 at the edges, and twice the compressed bytes.
size_t block_limit(PictureSize size, size_t file_bytes) {
  return 16 * (size_t(size.width) + 64) * (size_t(size.height) + 64) + 2 * file_bytes + kHeaderBlock;
}

// stb_image before 2.28 does not check that what a JPEG file says of its Huffman codes fits its tables of 256 codes.
bool huffman_tables_fit(std::span<const std::byte> file) {
  constexpr uint8_t kHuffmanTables = 0xc4;
  JpegSegments segments(file);
  while (const auto segment = segments.next()) {
    if (segment->kind != kHuffmanTables) continue;
    for (Cursor cursor(segment->content); cursor.left() > 0;) {
      const auto counts = cursor.take(17);  // a number, then how many codes there are of 1 to 16 bits
      if (!counts) return false;
      size_t codes = 0;
      for (const std::byte count : counts->subspan(1)) codes += size_t(count);
      if (codes > 256 || !cursor.take(codes)) return false;
    }
  }
  return true;
}

}  // namespace

Result<PictureSize> stb_size(std::span<const std::byte> bytes, const std::string& name) {
  if (!huffman_tables_fit(bytes))
    return corrupt(join("[image] ", name, ": the picture is damaged (bad Huffman tables)."));
  largest_block = kHeaderBlock;
  Source source{bytes};
  PictureSize size;
  int channels = 0;
  if (!stbi_info_from_callbacks(&kCallbacks, &source, &size.width, &size.height, &channels) || size.width < 1 ||
      size.height < 1)
    return corrupt(join("[image] ", name,
                        ": a JPEG, PNG, GIF or BMP picture was expected; this is none, or its header is damaged or "
                        "asks for a gigantic size."));
  return size;
}

Result<std::vector<uint8_t>> stb_decode(std::span<const std::byte> bytes, PictureSize size, int channels,
                                        const std::string& name) {
  largest_block = block_limit(size, bytes.size());
  Source source{bytes};
  PictureSize given;
  int stored = 0;
  const std::unique_ptr<stbi_uc, decltype(&std::free)> samples(
      stbi_load_from_callbacks(&kCallbacks, &source, &given.width, &given.height, &stored, channels), &std::free);
  if (source.exhausted) return corrupt(join("[image] ", name, ": the picture is truncated."));
  if (!samples && stbi_failure_reason() == std::string_view("outofmem"))
    return unsupported(join("[image] ", name, ": the file asks for more memory than ", size.width, " x ", size.height,
                            " pixels can need."));
  if (!samples)
    return corrupt(join("[image] ", name, ": the picture is damaged or of a kind that cannot be decoded (",
                        stbi_failure_reason(), ")."));
  if (given.width != size.width || given.height != size.height)
    return corrupt(join("[image] ", name, ": the header says ", size.width, " x ", size.height, " pixels, there are ",
                        given.width, " x ", given.height, "."));
  return std::vector<uint8_t>(samples.get(),
                              samples.get() + size_t(size.width) * size_t(size.height) * size_t(channels));
}

}  // namespace lorikeet
