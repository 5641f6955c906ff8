/*
 * What fastsamd takes for granted of HailoRT's types and values, on an LP64 machine.
 *
 * Compiled in two places: after hailort_subset.h when hailort-sys is built, and after an installed
 * <hailo/hailort.h> by scripts/check-hailort-abi. The figures were read on libhailort 4.23 and hold
 * from 4.20 on.
 */
#include <stddef.h>

#define SIZE(type, size) \
    _Static_assert(sizeof(type) == (size), "sizeof(" #type ") is not " #size)
#define OFFSET(type, field, offset) \
    _Static_assert(offsetof(type, field) == (offset), "offsetof(" #type ", " #field ") is not " #offset)
#define VALUE(name, value) \
    _Static_assert((long long)(name) == (value), #name " is not " #value)

SIZE(void *, 8);
SIZE(hailo_status, 4);
SIZE(hailo_version_t, 12);
SIZE(hailo_device_id_t, 32);

SIZE(hailo_vdevice_params_t, 40);
OFFSET(hailo_vdevice_params_t, device_ids, 8);
OFFSET(hailo_vdevice_params_t, scheduling_algorithm, 16);
OFFSET(hailo_vdevice_params_t, group_id, 24);
OFFSET(hailo_vdevice_params_t, multi_process_service, 32);

SIZE(hailo_device_identity_t, 140);
OFFSET(hailo_device_identity_t, fw_version, 4);
OFFSET(hailo_device_identity_t, board_name, 21);
OFFSET(hailo_device_identity_t, device_architecture, 56);
OFFSET(hailo_device_identity_t, serial_number, 61);
OFFSET(hailo_device_identity_t, part_number, 78);
OFFSET(hailo_device_identity_t, product_name, 95);

SIZE(hailo_chip_temperature_info_t, 12);
OFFSET(hailo_chip_temperature_info_t, ts1_temperature, 4);
OFFSET(hailo_chip_temperature_info_t, sample_count, 8);

SIZE(hailo_format_t, 12);
SIZE(hailo_quant_info_t, 16);
OFFSET(hailo_quant_info_t, qp_zp, 0);
OFFSET(hailo_quant_info_t, qp_scale, 4);

SIZE(hailo_vstream_info_t, 436);
OFFSET(hailo_vstream_info_t, network_name, 128);
OFFSET(hailo_vstream_info_t, direction, 388);
OFFSET(hailo_vstream_info_t, format, 392);
OFFSET(hailo_vstream_info_t, shape, 404);
OFFSET(hailo_vstream_info_t, quant_info, 420);

SIZE(hailo_vstream_params_t, 28);
OFFSET(hailo_vstream_params_t, timeout_ms, 12);
OFFSET(hailo_vstream_params_t, queue_size, 16);
SIZE(hailo_input_vstream_params_by_name_t, 156);
OFFSET(hailo_input_vstream_params_by_name_t, params, 128);
SIZE(hailo_output_vstream_params_by_name_t, 156);
OFFSET(hailo_output_vstream_params_by_name_t, params, 128);

SIZE(hailo_network_group_info_t, 129);
OFFSET(hailo_network_group_info_t, is_multi_context, 128);

SIZE(hailo_notification_t, 28);
OFFSET(hailo_notification_t, body, 8);
OFFSET(hailo_notification_t, body.health_monitor_temperature_alarm_notification.ts0_temperature, 16);
OFFSET(hailo_notification_t, body.health_monitor_temperature_alarm_notification.ts1_temperature, 20);
OFFSET(hailo_notification_t, body.health_monitor_overcurrent_alert_notification.overcurrent_zone, 8);
VALUE(HAILO_NOTIFICATION_ID_HEALTH_MONITOR_TEMPERATURE_ALARM, 1);
VALUE(HAILO_NOTIFICATION_ID_HEALTH_MONITOR_OVERCURRENT_ALARM, 3);

VALUE(HAILO_SUCCESS, 0);
VALUE(HAILO_INVALID_ARGUMENT, 2);
VALUE(HAILO_OUT_OF_HOST_MEMORY, 3);
VALUE(HAILO_TIMEOUT, 4);
VALUE(HAILO_INSUFFICIENT_BUFFER, 5);
VALUE(HAILO_INVALID_OPERATION, 6);
VALUE(HAILO_NOT_IMPLEMENTED, 7);
VALUE(HAILO_INTERNAL_FAILURE, 8);
VALUE(HAILO_OPEN_FILE_FAILURE, 13);
VALUE(HAILO_FILE_OPERATION_FAILURE, 14);
VALUE(HAILO_UNSUPPORTED_FW_VERSION, 16);
VALUE(HAILO_FW_CONTROL_FAILURE, 18);
VALUE(HAILO_INVALID_HEF, 26);
VALUE(HAILO_DRIVER_OPERATION_FAILED, 36);
VALUE(HAILO_UNSUPPORTED_OPCODE, 48);
VALUE(HAILO_NOT_FOUND, 61);
VALUE(HAILO_COMMUNICATION_CLOSED, 62);
VALUE(HAILO_STREAM_ABORT, 63);
VALUE(HAILO_DRIVER_NOT_INSTALLED, 64);
VALUE(HAILO_DEVICE_IN_USE, 73);
VALUE(HAILO_OUT_OF_PHYSICAL_DEVICES, 74);
VALUE(HAILO_INVALID_DEVICE_ARCHITECTURE, 75);
VALUE(HAILO_INVALID_DRIVER_VERSION, 76);
VALUE(HAILO_RPC_FAILED, 77);
VALUE(HAILO_INVALID_SERVICE_VERSION, 78);
VALUE(HAILO_NOT_SUPPORTED, 79);
VALUE(HAILO_DRIVER_INVALID_RESPONSE, 85);
VALUE(HAILO_DRIVER_INVALID_IOCTL, 86);
VALUE(HAILO_DRIVER_TIMEOUT, 87);
VALUE(HAILO_DRIVER_INTERRUPTED, 88);
VALUE(HAILO_CONNECTION_REFUSED, 89);
VALUE(HAILO_DRIVER_WAIT_CANCELED, 90);

VALUE(HAILO_SCHEDULING_ALGORITHM_ROUND_ROBIN, 1);
VALUE(HAILO_ARCH_HAILO8_A0, 0);
VALUE(HAILO_ARCH_HAILO8, 1);
VALUE(HAILO_ARCH_HAILO8L, 2);
VALUE(HAILO_ARCH_HAILO10H, 6);
VALUE(HAILO_FORMAT_TYPE_AUTO, 0);
VALUE(HAILO_FORMAT_TYPE_UINT8, 1);
VALUE(HAILO_FORMAT_TYPE_UINT16, 2);
VALUE(HAILO_FORMAT_TYPE_FLOAT32, 3);
VALUE(HAILO_FORMAT_ORDER_AUTO, 0);
VALUE(HAILO_FORMAT_ORDER_NHWC, 1);
VALUE(HAILO_H2D_STREAM, 0);
VALUE(HAILO_D2H_STREAM, 1);
