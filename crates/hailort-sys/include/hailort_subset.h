/*
 * The subset of HailoRT's C interface that fastsamd calls, written anew.
 *
 * These declarations hold for libhailort 4.20 to 4.23; the layouts are asserted in
 * hailort_layout.h, which scripts/check-hailort-abi also compiles against an installed
 * <hailo/hailort.h>. What changed between versions (configure parameters, stream parameters,
 * extended device information) is not declared: the calls take NULL or are not made.
 *
 * With HAILORT_SUBSET_FUNCTIONS_ONLY defined, only the functions are declared: after the real
 * header, a compiler then says where a signature differs.
 */
#ifndef HAILORT_SUBSET_H
#define HAILORT_SUBSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef HAILORT_SUBSET_FUNCTIONS_ONLY

/* Every enum of the library reaches INT_MAX, so that its size stays that of an int. */
#define HAILORT_SUBSET_INT_SIZED 0x7fffffff

/* The statuses that fastsamd tells apart. New ones are only ever appended. */
typedef enum {
    HAILO_SUCCESS = 0,
    HAILO_INVALID_ARGUMENT = 2,
    HAILO_OUT_OF_HOST_MEMORY = 3,
    HAILO_TIMEOUT = 4,
    HAILO_INSUFFICIENT_BUFFER = 5,
    HAILO_INVALID_OPERATION = 6,
    HAILO_NOT_IMPLEMENTED = 7,
    HAILO_INTERNAL_FAILURE = 8,
    HAILO_OPEN_FILE_FAILURE = 13,
    HAILO_FILE_OPERATION_FAILURE = 14,
    HAILO_UNSUPPORTED_FW_VERSION = 16,
    HAILO_FW_CONTROL_FAILURE = 18,
    HAILO_INVALID_HEF = 26,
    HAILO_DRIVER_OPERATION_FAILED = 36,
    HAILO_UNSUPPORTED_OPCODE = 48,
    HAILO_NOT_FOUND = 61,
    HAILO_COMMUNICATION_CLOSED = 62,
    HAILO_STREAM_ABORT = 63,
    HAILO_DRIVER_NOT_INSTALLED = 64,
    HAILO_DEVICE_IN_USE = 73,
    HAILO_OUT_OF_PHYSICAL_DEVICES = 74,
    HAILO_INVALID_DEVICE_ARCHITECTURE = 75,
    HAILO_INVALID_DRIVER_VERSION = 76,
    HAILO_RPC_FAILED = 77,
    HAILO_INVALID_SERVICE_VERSION = 78,
    HAILO_NOT_SUPPORTED = 79,
    HAILO_DRIVER_INVALID_RESPONSE = 85,
    HAILO_DRIVER_INVALID_IOCTL = 86,
    HAILO_DRIVER_TIMEOUT = 87,
    HAILO_DRIVER_INTERRUPTED = 88,
    HAILO_CONNECTION_REFUSED = 89,
    HAILO_DRIVER_WAIT_CANCELED = 90,
    HAILORT_SUBSET_STATUS_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_status;

/* Since 4.21, so a header of 4.20 lacks them. */
#define HAILO_HEF_FILE_CORRUPTED_VALUE 91
#define HAILO_HEF_NOT_SUPPORTED_VALUE 92
#define HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE_VALUE 93

typedef struct {
    uint32_t major;
    uint32_t minor;
    uint32_t revision;
} hailo_version_t;

typedef struct _hailo_device *hailo_device;
typedef struct _hailo_vdevice *hailo_vdevice;
typedef struct _hailo_hef *hailo_hef;
typedef struct _hailo_configured_network_group *hailo_configured_network_group;
typedef struct _hailo_input_vstream *hailo_input_vstream;
typedef struct _hailo_output_vstream *hailo_output_vstream;

/* Always passed as NULL. */
typedef struct _hailo_scan_devices_params_t hailo_scan_devices_params_t;
#define HAILORT_SUBSET_CONFIGURE_PARAMS void

/* A PCIe address, such as 0000:01:00.0. */
typedef struct {
    char id[32];
} hailo_device_id_t;

typedef enum {
    HAILO_SCHEDULING_ALGORITHM_NONE = 0,
    HAILO_SCHEDULING_ALGORITHM_ROUND_ROBIN = 1,
    HAILORT_SUBSET_SCHEDULING_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_scheduling_algorithm_t;

typedef struct {
    uint32_t device_count;
    hailo_device_id_t *device_ids;
    hailo_scheduling_algorithm_t scheduling_algorithm;
    const char *group_id;
    bool multi_process_service;
} hailo_vdevice_params_t;

typedef enum {
    HAILO_ARCH_HAILO8_A0 = 0,
    HAILO_ARCH_HAILO8 = 1,
    HAILO_ARCH_HAILO8L = 2,
    HAILO_ARCH_HAILO15H = 3,
    HAILO_ARCH_HAILO15L = 4,
    HAILO_ARCH_HAILO15M = 5,
    HAILO_ARCH_HAILO10H = 6,
    HAILORT_SUBSET_ARCH_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_device_architecture_t;

typedef struct {
    uint32_t major;
    uint32_t minor;
    uint32_t revision;
} hailo_firmware_version_t;

typedef struct {
    uint32_t protocol_version;
    hailo_firmware_version_t fw_version;
    uint32_t logger_version;
    uint8_t board_name_length;
    char board_name[32];
    bool is_release;
    bool extended_context_switch_buffer;
    hailo_device_architecture_t device_architecture;
    uint8_t serial_number_length;
    char serial_number[16];
    uint8_t part_number_length;
    char part_number[16];
    uint8_t product_name_length;
    char product_name[42];
} hailo_device_identity_t;

/* Degrees Celsius, of two sensors. */
typedef struct {
    float ts0_temperature;
    float ts1_temperature;
    uint16_t sample_count;
} hailo_chip_temperature_info_t;

/* The type decides whether the library dequantizes: AUTO and the native types don't. */
typedef enum {
    HAILO_FORMAT_TYPE_AUTO = 0,
    HAILO_FORMAT_TYPE_UINT8 = 1,
    HAILO_FORMAT_TYPE_UINT16 = 2,
    HAILO_FORMAT_TYPE_FLOAT32 = 3,
    HAILORT_SUBSET_FORMAT_TYPE_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_format_type_t;

typedef enum {
    HAILO_FORMAT_ORDER_AUTO = 0,
    HAILO_FORMAT_ORDER_NHWC = 1,
    HAILORT_SUBSET_FORMAT_ORDER_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_format_order_t;

typedef enum {
    HAILO_FORMAT_FLAGS_NONE = 0,
    HAILORT_SUBSET_FORMAT_FLAGS_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_format_flags_t;

typedef struct {
    hailo_format_type_t type;
    hailo_format_order_t order;
    hailo_format_flags_t flags;
} hailo_format_t;

typedef struct {
    float qp_zp;
    float qp_scale;
    float limvals_min;
    float limvals_max;
} hailo_quant_info_t;

typedef struct {
    uint32_t height;
    uint32_t width;
    uint32_t features;
} hailo_3d_image_shape_t;

typedef struct {
    uint32_t number_of_classes;
    uint32_t max_bboxes_per_class;
    uint32_t max_bboxes_total;
    uint32_t max_accumulated_mask_size;
} hailo_nms_shape_t;

typedef enum {
    HAILO_H2D_STREAM = 0,
    HAILO_D2H_STREAM = 1,
    HAILORT_SUBSET_DIRECTION_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_stream_direction_t;

typedef struct {
    char name[128];
    char network_name[257];
    hailo_stream_direction_t direction;
    hailo_format_t format;
    union {
        hailo_3d_image_shape_t shape;
        hailo_nms_shape_t nms_shape;
    };
    hailo_quant_info_t quant_info;
} hailo_vstream_info_t;

typedef enum {
    HAILO_VSTREAM_STATS_NONE = 0,
    HAILORT_SUBSET_VSTREAM_STATS_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_vstream_stats_flags_t;

typedef enum {
    HAILO_PIPELINE_ELEM_STATS_NONE = 0,
    HAILORT_SUBSET_PIPELINE_STATS_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_pipeline_elem_stats_flags_t;

typedef struct {
    hailo_format_t user_buffer_format;
    uint32_t timeout_ms;
    uint32_t queue_size;
    hailo_vstream_stats_flags_t vstream_stats_flags;
    hailo_pipeline_elem_stats_flags_t pipeline_elements_stats_flags;
} hailo_vstream_params_t;

typedef struct {
    char name[128];
    hailo_vstream_params_t params;
} hailo_input_vstream_params_by_name_t;

typedef struct {
    char name[128];
    hailo_vstream_params_t params;
} hailo_output_vstream_params_by_name_t;

typedef struct {
    char name[128];
    bool is_multi_context;
} hailo_network_group_info_t;

/* What a device tells unasked. Packed in the library's header, too. */
#pragma pack(push, 1)
typedef enum {
    HAILO_NOTIFICATION_ID_HEALTH_MONITOR_TEMPERATURE_ALARM = 1,
    HAILO_NOTIFICATION_ID_HEALTH_MONITOR_OVERCURRENT_ALARM = 3,
    HAILORT_SUBSET_NOTIFICATION_ID_SIZE = HAILORT_SUBSET_INT_SIZED
} hailo_notification_id_t;

/* Zones: 0 green, 1 orange, 2 red. */
typedef struct {
    uint32_t temperature_zone;
    uint32_t alarm_ts_id;
    float ts0_temperature;
    float ts1_temperature;
} hailo_health_monitor_temperature_alarm_notification_message_t;

/* Zones: 0 green, 1 red. */
typedef struct {
    uint32_t overcurrent_zone;
    float exceeded_alert_threshold;
    bool is_last_overcurrent_violation_reached;
} hailo_health_monitor_overcurrent_alert_notification_message_t;

typedef union {
    hailo_health_monitor_temperature_alarm_notification_message_t health_monitor_temperature_alarm_notification;
    hailo_health_monitor_overcurrent_alert_notification_message_t health_monitor_overcurrent_alert_notification;
    uint8_t others[20];
} hailo_notification_message_parameters_t;

typedef struct {
    hailo_notification_id_t id;
    uint32_t sequence;
    hailo_notification_message_parameters_t body;
} hailo_notification_t;
#pragma pack(pop)

typedef void (*hailo_notification_callback)(hailo_device device, const hailo_notification_t *notification, void *opaque);

#else
#define HAILORT_SUBSET_CONFIGURE_PARAMS hailo_configure_params_t
#endif

/* The library. */
hailo_status hailo_get_library_version(hailo_version_t *version);

/* Physical devices. */
hailo_status hailo_scan_devices(hailo_scan_devices_params_t *params, hailo_device_id_t *ids, size_t *count);
hailo_status hailo_identify(hailo_device device, hailo_device_identity_t *identity);
hailo_status hailo_get_chip_temperature(hailo_device device, hailo_chip_temperature_info_t *temperature);

hailo_status hailo_get_throttling_state(hailo_device device, bool *is_active);
hailo_status hailo_set_notification_callback(hailo_device device, hailo_notification_callback callback,
    hailo_notification_id_t notification_id, void *opaque);

/* Virtual devices. The physical devices of one are borrowed, never released. */
hailo_status hailo_init_vdevice_params(hailo_vdevice_params_t *params);
hailo_status hailo_create_vdevice(hailo_vdevice_params_t *params, hailo_vdevice *vdevice);
hailo_status hailo_get_physical_devices(hailo_vdevice vdevice, hailo_device *devices, size_t *count);
hailo_status hailo_release_vdevice(hailo_vdevice vdevice);

/* HEFs. */
hailo_status hailo_create_hef_buffer(hailo_hef *hef, const void *buffer, size_t size);
hailo_status hailo_get_network_groups_infos(hailo_hef hef, hailo_network_group_info_t *infos, size_t *count);
hailo_status hailo_hef_get_all_vstream_infos(hailo_hef hef, const char *name, hailo_vstream_info_t *infos, size_t *count);
hailo_status hailo_release_hef(hailo_hef hef);

/* Network groups: they live until their vdevice is released. */
hailo_status hailo_configure_vdevice(hailo_vdevice vdevice, hailo_hef hef, HAILORT_SUBSET_CONFIGURE_PARAMS *params,
    hailo_configured_network_group *groups, size_t *count);
hailo_status hailo_set_scheduler_timeout(hailo_configured_network_group group, uint32_t timeout_ms, const char *network);
hailo_status hailo_set_scheduler_threshold(hailo_configured_network_group group, uint32_t threshold, const char *network);
hailo_status hailo_set_scheduler_priority(hailo_configured_network_group group, uint8_t priority, const char *network);

/* Input vstreams. */
hailo_status hailo_make_input_vstream_params(hailo_configured_network_group group, bool unused, hailo_format_type_t type,
    hailo_input_vstream_params_by_name_t *params, size_t *count);
hailo_status hailo_create_input_vstreams(hailo_configured_network_group group,
    const hailo_input_vstream_params_by_name_t *params, size_t count, hailo_input_vstream *vstreams);
hailo_status hailo_get_input_vstream_frame_size(hailo_input_vstream vstream, size_t *frame_size);
hailo_status hailo_get_input_vstream_info(hailo_input_vstream vstream, hailo_vstream_info_t *info);
hailo_status hailo_vstream_write_raw_buffer(hailo_input_vstream vstream, const void *buffer, size_t size);
hailo_status hailo_release_input_vstreams(const hailo_input_vstream *vstreams, size_t count);

/* Output vstreams. */
hailo_status hailo_make_output_vstream_params(hailo_configured_network_group group, bool unused, hailo_format_type_t type,
    hailo_output_vstream_params_by_name_t *params, size_t *count);
hailo_status hailo_create_output_vstreams(hailo_configured_network_group group,
    const hailo_output_vstream_params_by_name_t *params, size_t count, hailo_output_vstream *vstreams);
hailo_status hailo_get_output_vstream_frame_size(hailo_output_vstream vstream, size_t *frame_size);
hailo_status hailo_get_output_vstream_info(hailo_output_vstream vstream, hailo_vstream_info_t *info);
hailo_status hailo_vstream_read_raw_buffer(hailo_output_vstream vstream, void *buffer, size_t size);
hailo_status hailo_release_output_vstreams(const hailo_output_vstream *vstreams, size_t count);

#endif
