/**
 * A self-signed certificate for localhost and 127.0.0.1, valid for a hundred years, so that tests can speak TLS on loopback. Made by
 * `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost`
 * with the two names as subjectAltName. Nothing trusts it but the tests that name it.
 */
export const LOOPBACK_TLS = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcDsCXMQo/6q3qL9s
tj8TD8zXlFd3DJmmwz6c+LqoM++hRANCAARttmOyxFzLlcRqouiXeKyE8Xkua5Hu
uvGAK836CGZohjd+LAa6ZRPcJ8ZP437r30JqDlzePhsrlDcNXvkkqU0e
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUPq/Cw5yWWnAFnMlyLIqLhg43+wIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDE2MjE1MFoYDzIxMjYxMDMx
MTYyMTUwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARttmOyxFzLlcRqouiXeKyE8Xkua5HuuvGAK836CGZohjd+LAa6ZRPc
J8ZP437r30JqDlzePhsrlDcNXvkkqU0eo28wbTAdBgNVHQ4EFgQU1JUqTQaYkmsu
myfsfxRZ3bm0JNIwHwYDVR0jBBgwFoAU1JUqTQaYkmsumyfsfxRZ3bm0JNIwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAPdv7dQWKbTlJsjhkEJ5dxXvovlENBTR9+ouk4U7JRrFAiAO
Q56wui2wfv76II715ETqbCZGw6iUJzRFKSyLHW5++A==
-----END CERTIFICATE-----
`,
};
