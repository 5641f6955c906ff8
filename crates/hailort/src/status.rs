//! What HailoRT answers a call with: a number, its name, and what to do about it.
//!
//! Statuses are only ever appended, so one that this table does not know survives as its number.

use std::fmt;

/// A status other than success.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(u32);

/// The names, by number, as of HailoRT 5.2.
const NAMES: &[&str] = &[
    "HAILO_SUCCESS",
    "HAILO_UNINITIALIZED",
    "HAILO_INVALID_ARGUMENT",
    "HAILO_OUT_OF_HOST_MEMORY",
    "HAILO_TIMEOUT",
    "HAILO_INSUFFICIENT_BUFFER",
    "HAILO_INVALID_OPERATION",
    "HAILO_NOT_IMPLEMENTED",
    "HAILO_INTERNAL_FAILURE",
    "HAILO_DATA_ALIGNMENT_FAILURE",
    "HAILO_CHUNK_TOO_LARGE",
    "HAILO_INVALID_LOGGER_LEVEL",
    "HAILO_CLOSE_FAILURE",
    "HAILO_OPEN_FILE_FAILURE",
    "HAILO_FILE_OPERATION_FAILURE",
    "HAILO_UNSUPPORTED_CONTROL_PROTOCOL_VERSION",
    "HAILO_UNSUPPORTED_FW_VERSION",
    "HAILO_INVALID_CONTROL_RESPONSE",
    "HAILO_FW_CONTROL_FAILURE",
    "HAILO_ETH_FAILURE",
    "HAILO_ETH_INTERFACE_NOT_FOUND",
    "HAILO_ETH_RECV_FAILURE",
    "HAILO_ETH_SEND_FAILURE",
    "HAILO_INVALID_FIRMWARE",
    "HAILO_INVALID_CONTEXT_COUNT",
    "HAILO_INVALID_FRAME",
    "HAILO_INVALID_HEF",
    "HAILO_PCIE_NOT_SUPPORTED_ON_PLATFORM",
    "HAILO_INTERRUPTED_BY_SIGNAL",
    "HAILO_START_VDMA_CHANNEL_FAIL",
    "HAILO_SYNC_VDMA_BUFFER_FAIL",
    "HAILO_STOP_VDMA_CHANNEL_FAIL",
    "HAILO_CLOSE_VDMA_CHANNEL_FAIL",
    "HAILO_ATR_TABLES_CONF_VALIDATION_FAIL",
    "HAILO_EVENT_CREATE_FAIL",
    "HAILO_READ_EVENT_FAIL",
    "HAILO_DRIVER_OPERATION_FAILED",
    "HAILO_INVALID_FIRMWARE_MAGIC",
    "HAILO_INVALID_FIRMWARE_CODE_SIZE",
    "HAILO_INVALID_KEY_CERTIFICATE_SIZE",
    "HAILO_INVALID_CONTENT_CERTIFICATE_SIZE",
    "HAILO_MISMATCHING_FIRMWARE_BUFFER_SIZES",
    "HAILO_INVALID_FIRMWARE_CPU_ID",
    "HAILO_CONTROL_RESPONSE_MD5_MISMATCH",
    "HAILO_GET_CONTROL_RESPONSE_FAIL",
    "HAILO_GET_D2H_EVENT_MESSAGE_FAIL",
    "HAILO_MUTEX_INIT_FAIL",
    "HAILO_OUT_OF_DESCRIPTORS",
    "HAILO_UNSUPPORTED_OPCODE",
    "HAILO_USER_MODE_RATE_LIMITER_NOT_SUPPORTED",
    "HAILO_RATE_LIMIT_MAXIMUM_BANDWIDTH_EXCEEDED",
    "HAILO_ANSI_TO_UTF16_CONVERSION_FAILED",
    "HAILO_UTF16_TO_ANSI_CONVERSION_FAILED",
    "HAILO_UNEXPECTED_INTERFACE_INFO_FAILURE",
    "HAILO_UNEXPECTED_ARP_TABLE_FAILURE",
    "HAILO_MAC_ADDRESS_NOT_FOUND",
    "HAILO_NO_IPV4_INTERFACES_FOUND",
    "HAILO_SHUTDOWN_EVENT_SIGNALED",
    "HAILO_THREAD_ALREADY_ACTIVATED",
    "HAILO_THREAD_NOT_ACTIVATED",
    "HAILO_THREAD_NOT_JOINABLE",
    "HAILO_NOT_FOUND",
    "HAILO_COMMUNICATION_CLOSED",
    "HAILO_STREAM_ABORT",
    "HAILO_DRIVER_NOT_INSTALLED",
    "HAILO_NOT_AVAILABLE",
    "HAILO_TRAFFIC_CONTROL_FAILURE",
    "HAILO_INVALID_SECOND_STAGE",
    "HAILO_INVALID_PIPELINE",
    "HAILO_NETWORK_GROUP_NOT_ACTIVATED",
    "HAILO_VSTREAM_PIPELINE_NOT_ACTIVATED",
    "HAILO_OUT_OF_FW_MEMORY",
    "HAILO_STREAM_NOT_ACTIVATED",
    "HAILO_DEVICE_IN_USE",
    "HAILO_OUT_OF_PHYSICAL_DEVICES",
    "HAILO_INVALID_DEVICE_ARCHITECTURE",
    "HAILO_INVALID_DRIVER_VERSION",
    "HAILO_RPC_FAILED",
    "HAILO_INVALID_SERVICE_VERSION",
    "HAILO_NOT_SUPPORTED",
    "HAILO_NMS_BURST_INVALID_DATA",
    "HAILO_OUT_OF_HOST_CMA_MEMORY",
    "HAILO_QUEUE_IS_FULL",
    "HAILO_DMA_MAPPING_ALREADY_EXISTS",
    "HAILO_CANT_MEET_BUFFER_REQUIREMENTS",
    "HAILO_DRIVER_INVALID_RESPONSE",
    "HAILO_DRIVER_INVALID_IOCTL",
    "HAILO_DRIVER_TIMEOUT",
    "HAILO_DRIVER_INTERRUPTED",
    "HAILO_CONNECTION_REFUSED",
    "HAILO_DRIVER_WAIT_CANCELED",
    "HAILO_HEF_FILE_CORRUPTED",
    "HAILO_HEF_NOT_SUPPORTED",
    "HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE",
    "HAILO_INVALID_HEF_USE",
    "HAILO_OPERATION_ABORTED",
    "HAILO_DEVICE_NOT_CONNECTED",
    "HAILO_DEVICE_TEMPORARILY_UNAVAILABLE",
];

impl Status {
    /// A wrong argument; also a data type that an output can't be read as, and a device id that
    /// does not exist.
    pub const INVALID_ARGUMENT: Self = Self(2);
    /// Nothing came, or nothing was taken, in the vstream's time.
    pub const TIMEOUT: Self = Self(4);
    /// The caller's array is too small.
    pub const INSUFFICIENT_BUFFER: Self = Self(5);
    /// Also: the firmware is not loaded, or the library was built without the service.
    pub const INVALID_OPERATION: Self = Self(6);
    /// Also: the driver's descriptor pages are larger than the host takes.
    pub const INTERNAL_FAILURE: Self = Self(8);
    /// The firmware on the chip is of another version.
    pub const UNSUPPORTED_FW_VERSION: Self = Self(16);
    /// The HEF can't be used; before 4.21 also: it is for another chip.
    pub const INVALID_HEF: Self = Self(26);
    /// The kernel driver refused; also: its device node can't be opened, or the device is gone.
    pub const DRIVER_OPERATION_FAILED: Self = Self(36);
    /// The other side has closed.
    pub const COMMUNICATION_CLOSED: Self = Self(62);
    /// The stream was aborted, by the chip when it is too hot.
    pub const STREAM_ABORT: Self = Self(63);
    /// No kernel driver.
    pub const DRIVER_NOT_INSTALLED: Self = Self(64);
    /// Somebody else has the device.
    pub const DEVICE_IN_USE: Self = Self(73);
    /// No device, or somebody else has it.
    pub const OUT_OF_PHYSICAL_DEVICES: Self = Self(74);
    /// Library and kernel driver differ.
    pub const INVALID_DRIVER_VERSION: Self = Self(76);
    /// `hailort_service` does not answer.
    pub const RPC_FAILED: Self = Self(77);
    /// The library does not serve this chip.
    pub const NOT_SUPPORTED: Self = Self(79);
    /// The driver answered what the library does not understand.
    pub const DRIVER_INVALID_RESPONSE: Self = Self(85);
    /// The driver did not understand the library.
    pub const DRIVER_INVALID_IOCTL: Self = Self(86);
    /// The driver did not answer in time.
    pub const DRIVER_TIMEOUT: Self = Self(87);
    /// Length, hash or content of the HEF are wrong.
    pub const HEF_FILE_CORRUPTED: Self = Self(91);
    /// Not a HEF, or one of a version that the library can't read.
    pub const HEF_NOT_SUPPORTED: Self = Self(92);
    /// The HEF is for another chip.
    pub const HEF_NOT_COMPATIBLE_WITH_DEVICE: Self = Self(93);

    /// What a call answered: `Ok` for 0.
    pub fn check(status: u32) -> Result<(), Self> {
        if status == 0 {
            Ok(())
        } else {
            Err(Self(status))
        }
    }

    /// The library's number for it.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Its name in the library's header, if this table knows it.
    pub fn name(self) -> Option<&'static str> {
        usize::try_from(self.0)
            .ok()
            .and_then(|number| NAMES.get(number))
            .copied()
    }

    /// Whether the same call may succeed later without anybody repairing anything.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::TIMEOUT
                | Self::STREAM_ABORT
                | Self::DEVICE_IN_USE
                | Self::OUT_OF_PHYSICAL_DEVICES
                | Self::DRIVER_TIMEOUT
                | Self::DRIVER_OPERATION_FAILED
                | Self::COMMUNICATION_CLOSED
        )
    }

    /// Whether the HEF is what the library does not take.
    pub fn is_of_hef(self) -> bool {
        matches!(
            self,
            Self::INVALID_HEF
                | Self::HEF_FILE_CORRUPTED
                | Self::HEF_NOT_SUPPORTED
                | Self::HEF_NOT_COMPATIBLE_WITH_DEVICE
        )
    }

    /// What to check or do, where experience has an answer.
    pub fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::OUT_OF_PHYSICAL_DEVICES => {
                "no free Hailo device: check `lspci -d 1e60:`, `ls -l /dev/hailo0` and \
                 `dmesg | grep hailo`; if they show one, another process holds it: `sudo fuser -v /dev/hailo0` names it"
            }
            Self::DEVICE_IN_USE => {
                "another process holds the device: `sudo fuser -v /dev/hailo0` names it; \
                 to share it, use the multi-process service (hailort_service)"
            }
            Self::DRIVER_NOT_INSTALLED => {
                "the kernel driver is not loaded: `sudo modprobe hailo_pci`; \
                 if it is not installed, `sudo apt install hailo-all` and reboot"
            }
            Self::INVALID_DRIVER_VERSION
            | Self::DRIVER_INVALID_RESPONSE
            | Self::DRIVER_INVALID_IOCTL => {
                "libhailort and the kernel driver must be of the same version: \
                 `sudo apt update && sudo apt full-upgrade`, then reboot"
            }
            Self::UNSUPPORTED_FW_VERSION => {
                "the chip runs other firmware: install the firmware package of libhailort's version \
                 and switch the power off and on (a reboot is not enough)"
            }
            Self::DRIVER_OPERATION_FAILED => {
                "the kernel driver refused: `ls -l /dev/hailo0` shows whether the device node is there and who \
                 may open it; if it is missing, look at `sudo dmesg | grep -i hailo` and load the driver \
                 (`sudo modprobe hailo_pci`); if it is forbidden, install the driver's udev rule \
                 (51-hailo-udev.rules, which makes it mode 0666; `sudo udevadm trigger`), or add the user to \
                 the group that owns it (`sudo usermod -aG GROUP USER`)"
            }
            Self::INVALID_OPERATION => {
                "the chip's firmware is not loaded (`sudo dmesg | grep -i hailo` says why; install the firmware \
                 package of libhailort's version, then switch the power off and on), or, with \
                 multi_process_service, this libhailort was built without the service: turn that off"
            }
            Self::RPC_FAILED => {
                "hailort_service does not answer: `sudo systemctl enable --now hailort`, or turn \
                 multi_process_service off"
            }
            Self::HEF_NOT_COMPATIBLE_WITH_DEVICE | Self::INVALID_HEF => {
                "the HEF is made for another chip or is not valid: \
                 `fastsamd hef FILE` shows which; fetch the right one with `fastsamd fetch`"
            }
            Self::HEF_FILE_CORRUPTED | Self::HEF_NOT_SUPPORTED => {
                "the file is damaged, or newer than this libhailort: fetch the one for this libhailort with \
                 `fastsamd fetch`"
            }
            Self::INTERNAL_FAILURE => {
                "the library's own log says why: run it again with \
                 `HAILORT_LOGGER_PATH=/tmp HAILORT_CONSOLE_LOGGER_LEVEL=info fastsamd ...` and read /tmp/hailort.log; \
                 if it says that a page size of 16384 is bigger than 4096: put \
                 `options hailo_pci force_desc_page_size=4096` into /etc/modprobe.d/hailo_pci.conf and reboot"
            }
            Self::TIMEOUT | Self::DRIVER_TIMEOUT => {
                "the chip does not answer: if it goes on, check power supply and cable and switch the power off and on"
            }
            Self::STREAM_ABORT => "the chip stopped the stream: check its temperature and cooling",
            Self::NOT_SUPPORTED => {
                "this libhailort does not serve this chip: a Hailo-8 needs 4.20 to 4.23"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "status {}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sit_at_their_numbers() {
        for (status, name) in [
            (Status::INVALID_ARGUMENT, "HAILO_INVALID_ARGUMENT"),
            (Status::TIMEOUT, "HAILO_TIMEOUT"),
            (Status::INVALID_HEF, "HAILO_INVALID_HEF"),
            (Status::STREAM_ABORT, "HAILO_STREAM_ABORT"),
            (
                Status::OUT_OF_PHYSICAL_DEVICES,
                "HAILO_OUT_OF_PHYSICAL_DEVICES",
            ),
            (
                Status::INVALID_DRIVER_VERSION,
                "HAILO_INVALID_DRIVER_VERSION",
            ),
            (Status::DRIVER_TIMEOUT, "HAILO_DRIVER_TIMEOUT"),
            (
                Status::HEF_NOT_COMPATIBLE_WITH_DEVICE,
                "HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE",
            ),
        ] {
            assert_eq!(status.name(), Some(name));
        }
    }

    #[test]
    fn an_unknown_status_survives_as_its_number() {
        let status = Status::check(4711).unwrap_err();
        assert_eq!(status.number(), 4711);
        assert_eq!(status.to_string(), "status 4711");
        assert!(status.advice().is_none() && !status.is_transient());
    }

    #[test]
    fn numbers_far_out_have_no_name() {
        for number in [NAMES.len() as u32, 1 << 31, (1 << 31) + 2, u32::MAX] {
            let status = Status::check(number).unwrap_err();
            assert_eq!(status.name(), None);
            assert_eq!(status.to_string(), format!("status {number}"));
            assert!(status.advice().is_none());
        }
    }

    #[test]
    fn advice_names_what_to_look_at_and_what_to_do() {
        for (status, words) in [
            (36, &["ls -l /dev/hailo0", "usermod -aG", "udev"][..]),
            (6, &["firmware", "dmesg", "multi_process_service"]),
            (77, &["sudo systemctl enable --now hailort"]),
            (
                8,
                &["HAILORT_LOGGER_PATH=/tmp", "force_desc_page_size=4096"],
            ),
            (16, &["firmware", "power off and on"]),
            (92, &["fastsamd fetch"]),
        ] {
            let advice = Status::check(status).unwrap_err().advice().unwrap();
            for word in words {
                assert!(advice.contains(word), "{status}: {advice}");
            }
            assert!(!advice.contains('\n'));
        }
    }

    #[test]
    fn success_is_no_status() {
        assert_eq!(Status::check(0), Ok(()));
    }
}
