#include "frontend/image/picture.h"

#include <array>
#include <cstdlib>
#include <functional>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/image/exif.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

using namespace lorikeet;
using namespace std::string_literals;

namespace {

using Pixel = std::array<int, 3>;

std::string golden_text(const std::string& name) { return read_text(test::golden("pictures/" + name)).value(); }

Picture golden_picture(const std::string& name, const PictureOptions& options = {}) {
  const auto picture = read_picture(test::golden("pictures/" + name), options);
  INFO((picture ? "" : picture.error().message));
  REQUIRE(picture.ok());
  return *picture;
}

Pixel pixel(const Picture& picture, int x, int y) {
  const size_t at = (size_t(y) * size_t(picture.width) + size_t(x)) * 3;
  return {picture.rgb.at(at), picture.rgb.at(at + 1), picture.rgb.at(at + 2)};
}

Result<Picture> decoded(const std::string& bytes, const PictureOptions& options = {}) {
  return decode_picture(std::as_bytes(std::span(bytes)), options, "test.png");
}

std::string error_of(const std::string& bytes, const PictureOptions& options = {}) {
  const auto picture = decoded(bytes, options);
  REQUIRE_FALSE(picture.ok());
  CHECK(picture.error().message.starts_with("[image] test.png: "));
  CHECK(picture.error().message.ends_with("."));
  return picture.error().message;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// The formulas of tests/golden/pictures/make.py.
Pixel colour(int x, int y) { return {30 * x, 50 * y, 8 * (x + y)}; }
Pixel gray(int x, int y) { return {30 * x + 10 * y, 30 * x + 10 * y, 30 * x + 10 * y}; }
int alpha(int x) { return 255 - 40 * x; }

void check_picture(const Picture& picture, const std::function<Pixel(int, int)>& wanted) {
  REQUIRE(picture.width == 7);
  REQUIRE(picture.height == 5);
  REQUIRE(picture.rgb.size() == 7 * 5 * 3);
  for (int y = 0; y < 5; ++y)
    for (int x = 0; x < 7; ++x) CHECK(pixel(picture, x, y) == wanted(x, y));
}

// The largest difference to decoded pictures of the reference.
int worst_difference(const std::filesystem::path& folder, const std::string& file, const std::string& name) {
  const auto files = open_tensors(folder / "decoded_rgb.safetensors");
  REQUIRE(files.ok());
  const TensorInfo* tensor = files->find(name);
  REQUIRE(tensor);
  const auto picture = read_picture(folder / file);
  REQUIRE(picture.ok());
  CHECK(tensor->shape == std::vector<uint64_t>{uint64_t(picture->height), uint64_t(picture->width), 3});
  const Bytes wanted = files->data(*tensor).value();
  REQUIRE(wanted.size() == picture->rgb.size());
  int worst = 0;
  for (size_t i = 0; i < wanted.size(); ++i) worst = std::max(worst, std::abs(int(wanted[i]) - picture->rgb[i]));
  return worst;
}

// blocks.jpg with an EXIF segment that holds one entry.
std::string with_exif(const std::string& tiff) {
  const std::string segment = "Exif\0\0"s + tiff;
  const size_t length = segment.size() + 2;
  const std::string header = {'\xff', '\xe1', char(length >> 8), char(length & 255)};
  return golden_text("blocks.jpg").insert(2, header + segment);
}

std::string tiff(char orientation, bool big_endian) {
  if (big_endian) return "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"s + orientation + "\0\0\0\0\0\0"s;
  return "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"s + orientation + "\0\0\0\0\0\0\0"s;
}

// The blocks of the picture as letters, row by row: "abc/def" as it is stored.
std::string layout_of(const Picture& picture) {
  std::string text;
  for (int y = 4; y < picture.height; y += 8) {
    if (y > 8) text += '/';
    for (int x = 4; x < picture.width; x += 8) {
      const Pixel given = pixel(picture, x, y);
      const int code = (given[0] > 128) * 4 + (given[1] > 128) * 2 + (given[2] > 128);
      text += std::string(
          "?cbea"
          "fd?")[size_t(code)];
    }
  }
  return text;
}

int orientation_of(const std::string& bytes) { return jpeg_orientation(std::as_bytes(std::span(bytes))); }

}  // namespace

TEST_CASE("picture: the reference's pictures are decoded as it decodes them") {
  const auto folder = test::golden("parrot/pictures");
  for (const char* name : {"house_landscape.png", "shapes_portrait_rgba.png", "cat_gray.png", "bars_wide.png"}) {
    INFO(name);
    CHECK(worst_difference(folder, name, name) == 0);
  }
  CHECK(worst_difference(folder, "boat_square.jpg", "boat_square.jpg") <= 2);
}

TEST_CASE("picture: JPEGs of the benchmark are decoded within two levels") {
  const auto folder = test::shared_golden("parrot/mmmb/dumped_images");
  if (!folder) LK_SKIP(no_shared_goldens, "parrot/mmmb/dumped_images");
  for (const std::string number : {"0", "1", "2", "3"}) {
    INFO(number);
    CHECK(worst_difference(*folder, "MMMB_en_" + number + ".jpg", "MMMB_en/" + number + ".jpg") <= 2);
  }
}

TEST_CASE("picture: every way to store one gives the same RGB") {
  for (const char* name : {"rgba.png", "rgb16.png", "rgba16.png", "palette.png", "palette_alpha.png", "interlaced.png",
                           "rgb.bmp", "moving.gif"}) {
    INFO(name);
    check_picture(golden_picture(name), colour);
  }
  for (const char* name : {"gray.png", "gray16.png", "gray_alpha.png"}) {
    INFO(name);
    check_picture(golden_picture(name), gray);
  }
  for (const char* name : {"blocks.jpg", "progressive.jpg"}) {
    INFO(name);
    CHECK(layout_of(golden_picture(name)) == "abc/def");
  }
}

TEST_CASE("picture: alpha is blended over white on demand") {
  const PictureOptions blend{AlphaPolicy::blend};
  const auto over_white = [](Pixel stored, int x) {
    for (int& level : stored) level = int((level * alpha(x) + 255 * (255 - alpha(x))) / 255.0 + 0.5);
    return stored;
  };
  for (const char* name : {"rgba.png", "rgba16.png", "palette_alpha.png"}) {
    INFO(name);
    check_picture(golden_picture(name, blend), [&](int x, int y) { return over_white(colour(x, y), x); });
  }
  check_picture(golden_picture("gray_alpha.png", blend), [&](int x, int y) { return over_white(gray(x, y), x); });
  check_picture(golden_picture("rgb16.png", blend), colour);
}

TEST_CASE("picture: one pixel high and very wide") {
  const Picture picture = golden_picture("wide.png");
  REQUIRE(picture.width == 3000);
  REQUIRE(picture.height == 1);
  CHECK(pixel(picture, 2999, 0) == colour(2999 % 7, 0));
}

TEST_CASE("picture: all EXIF orientations are turned upright, in both byte orders") {
  const char* wanted[] = {"abc/def", "cba/fed", "fed/cba", "def/abc", "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad"};
  for (const bool big_endian : {false, true}) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      INFO("orientation " << orientation);
      const std::string bytes = with_exif(tiff(char(orientation), big_endian));
      const auto upright = decoded(bytes);
      const auto stored = decoded(bytes, {.exif = false});
      REQUIRE(upright.ok());
      REQUIRE(stored.ok());
      CHECK(layout_of(*upright) == wanted[orientation - 1]);
      CHECK(layout_of(*stored) == "abc/def");
    }
  }
}

TEST_CASE("picture: EXIF that makes no sense is upright") {
  CHECK(orientation_of(with_exif(tiff(6, true))) == 6);
  CHECK(orientation_of(with_exif(tiff(0, true))) == 1);
  CHECK(orientation_of(with_exif(tiff(9, false))) == 1);
  CHECK(orientation_of(with_exif("")) == 1);
  CHECK(orientation_of(with_exif("XX*\0\x08\0\0\0"s)) == 1);
  CHECK(orientation_of(with_exif("II*\0\xff\xff\xff\xff"s)) == 1);                // the directory lies outside
  CHECK(orientation_of(with_exif("II*\0\x08\0\0\0\xff\xff\x12\x01\x03"s)) == 1);  // fewer entries than promised
  std::string as_long = tiff(6, false);
  as_long[12] = 4;
  CHECK(orientation_of(with_exif(as_long)) == 1);
  const std::string good = with_exif(tiff(6, true));
  for (size_t size = 0; size < 2 + 4 + 6 + 18 + 2; ++size) CHECK(orientation_of(good.substr(0, size)) == 1);
  CHECK(orientation_of(golden_text("blocks.jpg")) == 1);
  CHECK(orientation_of(golden_text("rgba.png")) == 1);
}

TEST_CASE("picture: bad input gives one sentence") {
  CHECK(contains(error_of(""), "no bytes"));
  CHECK(contains(error_of("this is a text and no picture"), "a JPEG, PNG, GIF or BMP picture was expected"));
  CHECK(contains(error_of(golden_text("rgba.png").substr(0, 20)), "a JPEG, PNG, GIF or BMP picture was expected"));
  std::string damaged = golden_text("rgba.png");
  damaged[45] = '\x7f';
  CHECK(contains(error_of(damaged), "damaged"));
  for (const char* name : {"blocks.jpg", "progressive.jpg"}) {
    std::string codes = golden_text(name);
    codes[codes.rfind("\xff\xc4") + 4 + 16] = '\xff';  // the last count of the last table
    CHECK(contains(error_of(codes), "bad Huffman tables"));
    CHECK(contains(error_of("\xff" + codes), "bad Huffman tables"));
  }
}

TEST_CASE("picture: a truncated file is refused in every format, wherever it ends") {
  for (const char* name : {"rgba.png", "interlaced.png", "blocks.jpg", "progressive.jpg", "rgb.bmp", "moving.gif"}) {
    const std::string whole = golden_text(name);
    // Pixels end before the file does where other frames or checksums follow.
    const size_t needed = name == "moving.gif"s ? whole.size() / 2
                          : name == "rgb.bmp"s  ? whole.size() - 3
                                                : whole.size() - 4;
    for (size_t size = 1; size < needed; ++size) {
      INFO(name << " cut off after " << size);
      CHECK_FALSE(error_of(whole.substr(0, size)).empty());
    }
  }
  const std::string jpeg = golden_text("blocks.jpg");
  CHECK(contains(error_of(jpeg.substr(0, jpeg.size() - 2)), "truncated"));
}

TEST_CASE("picture: what is too large is refused before it is decoded") {
  CHECK(contains(error_of(golden_text("rgba.png"), {.max_pixels = 34}), "7 x 5 pixels; at most 34"));
  CHECK(decoded(golden_text("rgba.png"), {.max_pixels = 35}).ok());
  std::string huge = golden_text("rgba.png");
  huge.replace(16, 8, "\0\0\x3e\x80\0\0\x3e\x80"s);
  CHECK(contains(error_of(huge), "16000 x 16000 pixels; at most 100000000"));
  huge.replace(16, 8, "\0\x01\0\0\0\x01\0\0"s);
  CHECK(contains(error_of(huge), "asks for a gigantic size"));
  CHECK(contains(error_of(golden_text("bomb.png")), "more memory than 1 x 1 pixels can need"));
  const test::TemporaryFolder folder;
  folder.write("sparse.png", "");
  std::filesystem::resize_file(folder / "sparse.png", (uintmax_t(1) << 30) + 1);
  const auto sparse = read_picture(folder / "sparse.png");
  REQUIRE_FALSE(sparse.ok());
  CHECK(contains(sparse.error().message, "1073741825 bytes; at most 1073741824"));
}

TEST_CASE("picture: a file that cannot be opened is named") {
  const auto missing = read_picture(test::golden("pictures/missing.png"));
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == ErrorCode::io);
  CHECK(contains(missing.error().message, "[image] cannot open"));
  CHECK(contains(missing.error().message, "missing.png"));
}
