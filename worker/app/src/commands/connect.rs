//! `gatehouse connect`: signs in a tenant's service account, once.

use std::process::ExitCode;

use msgraph::{Account, DeviceSignIn};

use super::CommandError;
use crate::settings::Config;
use crate::settings::error::ConfigError;
use crate::settings::tenant::Tenant;
use crate::{print, tenants};

/// Arguments of `gatehouse connect`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse connect
  gatehouse connect --tenant contoso

Exits with 1 if nobody signs in, or if consent is missing.")]
pub struct Args {
    /// Name of the tenant in the settings; optional if there is only one
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let (name, tenant) = find(&config, args.tenant.as_deref())?;
    let Some(file) = tenant.refresh_token_file() else {
        return Err(invalid(format!(
            "tenants.{name} does not use a service account: set refresh_token_file, the file to write the refresh \
             token to, and no other credential"
        )));
    };
    let begun = DeviceSignIn::begin(&config.tenant(tenant)).await;
    let sign_in = match begun {
        Ok(sign_in) => sign_in,
        Err(error) if error.is_settings() => return Err(invalid(format!("tenants.{name}: {error}"))),
        Err(error) => return Err(CommandError::SignIn(error)),
    };
    let minutes = sign_in.expires_in().as_secs() / 60;
    print::lines(&format!(
        "To connect tenant {name}, open {}, enter {} within {minutes} minutes and sign in as the service account.",
        sign_in.verification_uri(),
        sign_in.user_code(),
    ))?;
    let account = sign_in.finish().await?;
    print::lines(&connected(&account, name))?;
    print::lines(&format!("The refresh token is in {}.", file.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn find<'a>(config: &'a Config, name: Option<&str>) -> Result<(&'a str, &'a Tenant), CommandError> {
    let known: Vec<_> = config.tenants.keys().map(String::as_str).collect();
    let found = match name {
        Some(name) => config.tenants.get_key_value(name),
        None if known.len() == 1 => config.tenants.first_key_value(),
        None if known.is_empty() => return Err(tenants::none().into()),
        None => None,
    };
    found.map(|(name, tenant)| (name.as_str(), tenant)).ok_or_else(|| {
        let known = known.join(", ");
        CommandError::Input(match name {
            Some(name) => format!("there is no tenant `{name}`; known: {known}"),
            None => format!("there are several tenants; choose one with --tenant: {known}"),
        })
    })
}

fn connected(account: &Account, name: &str) -> String {
    let user = account.user_principal_name.as_deref().unwrap_or("an account without a user principal name");
    let tenant = account.tenant_id.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
    let permissions = account.permissions.join(", ");
    format!("Connected to tenant {name}{tenant} as {user}, with the permissions {permissions}.")
}

fn invalid(text: String) -> CommandError {
    ConfigError::Invalid(text).into()
}
