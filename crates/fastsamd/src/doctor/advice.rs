//! What to do, in words that both the doctor and a running daemon say.

/// What to do where the broker can't be reached.
pub(crate) fn for_broker(host: &str, port: u16) -> String {
    format!(
        "check mqtt.host, mqtt.port and the login in the configuration, and that the broker runs and listens there: \
         `systemctl status mosquitto`; try `mosquitto_sub -V mqttv5 -h {host} -p {port} -t test`"
    )
}

/// What to do where the accelerator does not answer.
pub(crate) const FOR_ACCELERATOR: &str = "fastsamd tries again by itself; `fastsamd doctor` examines library, driver, device and network";
