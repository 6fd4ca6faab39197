#include <volk.h>

#include "runtime/device/kernel.h"

#include <algorithm>
#include <condition_variable>
#include <optional>
#include <thread>

#include "runtime/base/text.h"
#include "runtime/device/impl.h"
#include "runtime/device/kernel_check.h"

namespace lorikeet {
namespace {

Status create_layouts(Device::Impl& d, Kernel::Impl& kernel) {
  std::vector<VkDescriptorSetLayoutBinding> bindings;
  for (const KernelInterface::Binding& binding : kernel.interface.bindings) {
    bindings.push_back({binding.number,
                        binding.uniform ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1,
                        VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
  }
  auto set_info = typed<VkDescriptorSetLayoutCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
  set_info.bindingCount = uint32_t(bindings.size());
  set_info.pBindings = bindings.data();
  VkResult result = d.functions.vkCreateDescriptorSetLayout(d.device, &set_info, nullptr, &kernel.set_layout);
  if (result != VK_SUCCESS) return d.failed(join("[", kernel.name, "] vkCreateDescriptorSetLayout"), result);

  const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, kernel.interface.params_bytes};
  auto info = typed<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  info.setLayoutCount = 1;
  info.pSetLayouts = &kernel.set_layout;
  info.pushConstantRangeCount = range.size ? 1 : 0;
  info.pPushConstantRanges = &range;
  result = d.functions.vkCreatePipelineLayout(d.device, &info, nullptr, &kernel.layout);
  if (result != VK_SUCCESS) return d.failed(join("[", kernel.name, "] vkCreatePipelineLayout"), result);
  return Done{};
}

Status compile(Device::Impl& d, const KernelRequest& request, Kernel::Impl& kernel) {
  auto module_info = typed<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
  module_info.codeSize = request.spirv.size_bytes();
  module_info.pCode = request.spirv.data();
  VkShaderModule module = VK_NULL_HANDLE;
  VkResult result = d.functions.vkCreateShaderModule(d.device, &module_info, nullptr, &module);
  if (result != VK_SUCCESS) return d.failed(join("[", kernel.name, "] vkCreateShaderModule"), result);

  std::vector<VkSpecializationMapEntry> entries;
  std::vector<uint32_t> values;
  for (const SpecialisationConstant& constant : request.constants) {
    entries.push_back({constant.id, uint32_t(values.size() * sizeof(uint32_t)), sizeof(uint32_t)});
    values.push_back(constant.value);
  }
  const VkSpecializationInfo specialisation{uint32_t(entries.size()), entries.data(), values.size() * sizeof(uint32_t),
                                            values.data()};
  auto subgroup = typed<VkPipelineShaderStageRequiredSubgroupSizeCreateInfo>(
      VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO);
  subgroup.requiredSubgroupSize = request.required_subgroup_size;
  auto info = typed<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
  info.stage = typed<VkPipelineShaderStageCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO);
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = entries.empty() ? nullptr : &specialisation;
  if (request.required_subgroup_size) info.stage.pNext = &subgroup;
  if (request.statistics && d.facts.pipeline_statistics) info.flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR;
  info.layout = kernel.layout;
  result =
      d.functions.vkCreateComputePipelines(d.device, d.pipeline_cache.handle(), 1, &info, nullptr, &kernel.pipeline);
  d.functions.vkDestroyShaderModule(d.device, module, nullptr);
  if (result != VK_SUCCESS)
    return d.failed(join("[", kernel.name, "] Compiling it (vkCreateComputePipelines)"), result);
  d.set_name(VK_OBJECT_TYPE_PIPELINE, kernel.pipeline, kernel.name);
  d.set_name(VK_OBJECT_TYPE_PIPELINE_LAYOUT, kernel.layout, kernel.name);
  return Done{};
}

double number(const VkPipelineExecutableStatisticKHR& statistic) {
  switch (statistic.format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
      return statistic.value.b32;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
      return double(statistic.value.i64);
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
      return double(statistic.value.u64);
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
      return statistic.value.f64;
    default:
      return 0;
  }
}

void read_statistics(const Device::Impl& d, Kernel::Impl& kernel) {
  const VolkDeviceTable& vk = d.functions;
  if (!vk.vkGetPipelineExecutablePropertiesKHR || !vk.vkGetPipelineExecutableStatisticsKHR) return;
  auto of = typed<VkPipelineInfoKHR>(VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR);
  of.pipeline = kernel.pipeline;
  uint32_t count = 0;
  vk.vkGetPipelineExecutablePropertiesKHR(d.device, &of, &count, nullptr);
  std::vector<VkPipelineExecutablePropertiesKHR> parts(
      count, typed<VkPipelineExecutablePropertiesKHR>(VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR));
  if (vk.vkGetPipelineExecutablePropertiesKHR(d.device, &of, &count, parts.data()) != VK_SUCCESS) return;
  for (uint32_t i = 0; i < count; ++i) {
    auto which = typed<VkPipelineExecutableInfoKHR>(VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR);
    which.pipeline = kernel.pipeline;
    which.executableIndex = i;
    uint32_t rows = 0;
    vk.vkGetPipelineExecutableStatisticsKHR(d.device, &which, &rows, nullptr);
    std::vector<VkPipelineExecutableStatisticKHR> table(
        rows, typed<VkPipelineExecutableStatisticKHR>(VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR));
    if (vk.vkGetPipelineExecutableStatisticsKHR(d.device, &which, &rows, table.data()) != VK_SUCCESS) continue;
    table.resize(rows);
    for (const auto& row : table) kernel.statistics.push_back({parts[i].name, row.name, number(row)});
  }
}

Result<Kernel> create_kernel(Device::Impl& d, const KernelRequest& request) {
  auto impl = std::make_unique<Kernel::Impl>(d);
  impl->name = request.name;
  auto interface = reflect(request.spirv, request.constants);
  if (!interface) return Error{interface.error().code, join("[", request.name, "] ", interface.error().message), {}};
  impl->interface = std::move(interface).value();
  LK_TRY(check_kernel(request, impl->interface, d.facts));
  LK_TRY(create_layouts(d, *impl));
  LK_TRY(compile(d, request, *impl));
  if (request.statistics && d.facts.pipeline_statistics) read_statistics(d, *impl);
  return Kernel(std::move(impl));
}

// The work of several threads on one list of requests. Stops at the first failure.
class Compilation {
 public:
  Compilation(Device::Impl& device, std::span<const KernelRequest> requests)
      : device_(device), requests_(requests), made_(requests.size()) {}

  void work() {
    while (!failed_) {
      const size_t i = next_++;
      if (i >= requests_.size()) break;
      auto kernel = create_kernel(device_, requests_[i]);
      const std::lock_guard lock(lock_);
      if (!kernel) {
        failed_ = true;
        if (!error_) error_ = std::move(kernel).error();
      } else {
        made_[i].emplace(std::move(kernel).value());
        ++done_;
      }
      changed_.notify_one();
    }
    const std::lock_guard lock(lock_);
    ++stopped_;
    changed_.notify_one();
  }

  // Reports until `threads` workers have stopped.
  void report(size_t threads, const std::function<void(size_t, size_t)>& progress) {
    std::unique_lock lock(lock_);
    for (size_t reported = 0;;) {
      changed_.wait(lock, [&] { return done_ > reported || stopped_ == threads; });
      const size_t done = done_;
      const bool over = stopped_ == threads;
      if (progress && done > reported) {
        lock.unlock();
        progress(done, requests_.size());
        lock.lock();
      }
      reported = done;
      if (over && done_ == reported) return;
    }
  }

  Result<std::vector<Kernel>> result() {
    if (error_) return std::move(*error_);
    std::vector<Kernel> kernels;
    kernels.reserve(made_.size());
    for (auto& kernel : made_) kernels.push_back(std::move(*kernel));
    return kernels;
  }

 private:
  Device::Impl& device_;
  std::span<const KernelRequest> requests_;
  std::vector<std::optional<Kernel>> made_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex lock_;
  std::condition_variable changed_;
  std::optional<Error> error_;
  size_t done_ = 0, stopped_ = 0;
};

}  // namespace

Result<std::vector<Kernel>> Device::create_kernels(std::span<const KernelRequest> requests,
                                                   const std::function<void(size_t, size_t)>& progress) {
  Impl& d = *impl_;
  if (d.lost) return d.lost_error();
  if (requests.empty()) return std::vector<Kernel>();
  const int wanted = d.request.options.compile_threads;
  const size_t cores = wanted > 0 ? size_t(wanted) : std::max(1u, std::thread::hardware_concurrency());
  const size_t count = std::min(cores, requests.size());
  Compilation compilation(d, requests);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) threads.emplace_back([&] { compilation.work(); });
  compilation.report(count, progress);
  for (std::thread& thread : threads) thread.join();
  LK_ASSIGN(auto kernels, compilation.result());
  if (auto saved = d.pipeline_cache.save(); !saved)
    d.log(join("[device] The pipeline cache was not saved: ", saved.error().message));
  return kernels;
}

Kernel::Impl::~Impl() {
  if (!device.may_destroy()) return;
  if (pipeline) device.functions.vkDestroyPipeline(device.device, pipeline, nullptr);
  if (layout) device.functions.vkDestroyPipelineLayout(device.device, layout, nullptr);
  if (set_layout) device.functions.vkDestroyDescriptorSetLayout(device.device, set_layout, nullptr);
}

Kernel::Kernel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Kernel::Kernel(Kernel&&) noexcept = default;
Kernel& Kernel::operator=(Kernel&&) noexcept = default;
Kernel::~Kernel() = default;

const std::string& Kernel::name() const { return impl_->name; }
const KernelInterface& Kernel::interface() const { return impl_->interface; }
std::vector<KernelStatistic> Kernel::statistics() const { return impl_->statistics; }

}  // namespace lorikeet
