// Kernel creation: what is refused before anything is compiled, parallel compilation, the cache on disk.
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "runtime/base/file.h"
#include "tests/device/module.h"
#include "tests/device/support.h"

using namespace lorikeet;
using namespace lorikeet::test;

namespace {

Result<Kernel> create(Device& device, const std::vector<uint32_t>& words,
                      std::vector<SpecialisationConstant> constants = {}, uint32_t subgroup = 0) {
  const KernelRequest request{"probe", words, std::move(constants), subgroup, false};
  LK_ASSIGN(auto kernels, device.create_kernels(std::span(&request, 1)));
  return std::move(kernels[0]);
}

std::string refused(Device& device, const std::vector<uint32_t>& words,
                    std::vector<SpecialisationConstant> constants = {}, uint32_t subgroup = 0) {
  const auto kernel = create(device, words, std::move(constants), subgroup);
  REQUIRE_FALSE(kernel.ok());
  CHECK(kernel.error().message.starts_with("[probe] "));
  return kernel.error().message;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<uint32_t> module_that_needs(uint32_t capability) {
  Module m;
  m.op(17, {capability});
  m.entry();
  return m.end();
}

// A folder of this test's own, gone afterwards.
struct Folder {
  Folder()
      : path(std::filesystem::temp_directory_path() / ("lorikeet-test-" + std::to_string(std::random_device()()))) {}
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> found;
    std::error_code none;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, none))
      if (entry.is_regular_file()) found.push_back(entry.path());
    return found;
  }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("what the device lacks is refused before anything is compiled") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Options options = device_options();
  options.hide = "floor";
  Device floor = take(open_device(options));
  CHECK(contains(refused(floor, module_with_buffers(9)), "The kernel binds 9 storage buffers, Lorikeet allows 8."));
  CHECK(create(floor, module_with_buffers(8)).ok());
  CHECK(contains(refused(floor, module_that_needs(9)), "capability 9 (Float16)"));
  CHECK(contains(refused(floor, module_that_needs(4433)), "capability 4433 (StorageBuffer16BitAccess)"));
  CHECK(contains(refused(floor, module_that_needs(63)), "capability 63 (GroupNonUniformArithmetic)"));
  CHECK(contains(refused(floor, module_that_needs(6018)), "capability 6018 (DotProductInput4x8BitPacked)"));
  CHECK(contains(refused(floor, module_that_needs(6022)), "capability 6022 (CooperativeMatrixKHR)"));
  CHECK(contains(refused(floor, module_that_needs(777)), "capability 777 (unknown to Lorikeet)"));
  const auto sized = module_with_constants();
  CHECK(contains(refused(floor, sized, {{0, 257}}), "The workgroup has 257 lanes"));
  CHECK(contains(refused(floor, sized, {{0, 256}, {1, 2}}), "The workgroup has 512 lanes, the device allows 256."));
  CHECK(contains(refused(floor, sized, {{0, 0}}), "has no lanes"));
  CHECK(contains(refused(floor, sized, {{9, 1}}), "no specialisation constant 9"));
  CHECK(contains(refused(floor, sized, {}, 4), "the device gives no choice"));
  CHECK(contains(refused(floor, {1, 2, 3}), "do not begin like a SPIR-V module"));
  CHECK(create(floor, sized, {{0, 256}}).ok());
}

TEST_CASE("workgroup memory and params are checked against the limits") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  Options options = device_options();
  options.hide = "floor";
  Device floor = take(open_device(options));
  // 256 lanes x 4 floats are 4 KiB; only a limit below the floor refuses them, so a larger array is built here.
  Module m;
  m.entry();
  const uint32_t length = m.id(), array = m.id(), pointer = m.id();
  m.op(43, {m.uint_type(), length, 4097});
  m.op(28, {array, m.float_type(), length});
  m.op(32, {pointer, 4, array});
  m.op(59, {pointer, m.id(), 4});
  CHECK(contains(refused(floor, m.end()), "The workgroup memory has 16388 bytes, the device allows 16384."));

  Module p;
  p.entry();
  const uint32_t block = p.id();
  p.op(72, {block, 0, 35, 0});
  p.op(72, {block, 1, 35, 128});
  p.decorate(block, 2);
  const uint32_t number = p.uint_type(), to = p.id();
  p.op(30, {block, number, number});
  p.op(32, {to, 9, block});
  p.op(59, {to, p.id(), 9});
  CHECK(contains(refused(floor, p.end()), "The params have 132 bytes, the device allows 128."));
}

TEST_CASE("what a driver's compiler says of a kernel is kept when it is asked for") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  KernelRequest request{"fill", embedded_shader("fill"), {}, 0, true};
  const auto asked = take(device->create_kernels(std::span(&request, 1)));
  for (const KernelStatistic& row : asked[0].statistics()) CHECK_FALSE(row.name.empty());
  request.statistics = false;
  CHECK(take(device->create_kernels(std::span(&request, 1)))[0].statistics().empty());
}

TEST_CASE("kernels are compiled in parallel with progress, all or none") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  for (const int threads : {0, 1, 4}) {
    Options options = device_options();
    options.compile_threads = threads;
    Device device = take(open_device(options));
    const auto sized = module_with_constants();
    std::vector<KernelRequest> requests;
    for (uint32_t i = 1; i <= 20; ++i) requests.push_back({"sized " + std::to_string(i), sized, {{0, i}}, 0, false});
    size_t last = 0;
    const auto caller = std::this_thread::get_id();
    auto kernels = take(device.create_kernels(requests, [&](size_t done, size_t total) {
      CHECK(std::this_thread::get_id() == caller);
      CHECK(done > last);
      CHECK(total == 20);
      last = done;
    }));
    CHECK(last == 20);
    REQUIRE(kernels.size() == 20);
    for (uint32_t i = 0; i < 20; ++i) {
      CHECK(kernels[i].name() == "sized " + std::to_string(i + 1));
      CHECK(kernels[i].interface().workgroup[0] == i + 1);
    }
    requests[13].constants = {{0, 0}};
    CHECK_FALSE(device.create_kernels(requests).ok());
    CHECK(device.create_kernels({}).ok());
  }
}

TEST_CASE("a subgroup size that the device offers can be asked for") {
  Device* device = test_device();
  if (!device) LK_SKIP(no_device, no_device_reason());
  const DeviceProfile& profile = device->profile();
  if (profile.max_subgroup_size == 0) LK_SKIP(no_capability, "a choice of subgroup size");
  CHECK(create(*device, module_with_constants(), {}, profile.max_subgroup_size).ok());
  CHECK(contains(refused(*device, module_with_constants(), {}, profile.max_subgroup_size * 2), "were asked for"));
}

TEST_CASE("compiled pipelines are kept on disk, and damage is harmless") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  const Folder folder;
  Options options = device_options();
  options.cache_dir = folder.path.string();
  const auto compile = [&] {
    Device device = take(open_device(options));
    fill_kernel(device);
  };
  compile();
  const auto files = folder.files();
  if (files.empty()) LK_SKIP(no_capability, "pipelines that can be kept");
  REQUIRE(files.size() == 1);
  CHECK(files[0].parent_path().filename() == "pipelines");
  const std::string good = take(read_text(files[0]));
  CHECK(good.size() > 32);

  std::filesystem::last_write_time(files[0], std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const auto before = std::filesystem::last_write_time(files[0]);
  compile();  // nothing new: the file is not written again
  CHECK(std::filesystem::last_write_time(files[0]) == before);

  std::vector<std::string> damaged = {"", "rubbish", good.substr(0, good.size() / 2), good + "x"};
  for (size_t at = 0; at < good.size(); at += std::max<size_t>(1, good.size() / 40)) {
    damaged.push_back(good);
    damaged.back()[at] = char(damaged.back()[at] ^ 0x40);
  }
  for (const std::string& content : damaged) {
    take(write_whole(files[0], content));
    compile();
    CHECK(take(read_text(files[0])) == good);
  }
  CHECK(folder.files().size() == 1);
}

TEST_CASE("a cache folder that cannot be written is no error") {
  if (!test_device()) LK_SKIP(no_device, no_device_reason());
  const Folder folder;
  std::ofstream(folder.path) << "a file where a folder should be";
  Options options = device_options();
  options.cache_dir = folder.path.string();
  Device device = take(open_device(options));
  const size_t lines = log_lines().size();
  fill_kernel(device);
  if (log_lines().size() == lines) LK_SKIP(no_capability, "pipelines that can be kept");
  REQUIRE(log_lines().size() == lines + 1);
  CHECK(contains(log_lines().back(), "The pipeline cache was not saved"));
}
