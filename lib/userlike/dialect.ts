/**
 * Keys of Userlike's payloads whose exact spelling the public documentation does not show. The encoder reads them from
 * here alone; override single entries when your account shows others: `{ 'delay.duration': 'seconds' }`.
 */
export const userlikeDialect = {
  'button_template.footer': 'footer',
  'button_template.header': 'header',
  'list_template.button': 'button',
  'list_template.footer': 'footer',
  'list_template.header': 'header',
  'list_template.headline': 'headline',
  'list_template.options.description': 'description',
  'carousel.options.label': 'label',
  'button.label': 'label',
  'button.link': 'link',
  'buttons.buttons': 'buttons',
  'buttons.label': 'label',
  'buttons.link': 'link',
  'navigate.link': 'link',
  'forward_group.group_id': 'group_id',
  'forward_skills.skills': 'skills',
  'forward.on_failure': 'on_failure',
  'delay.duration': 'duration',
  'delay.typing': 'typing',
  'note_create.body': 'body',
  'addon_dispatch.type': 'type',
  'email_dispatch.type': 'type',
  'email_dispatch.id': 'id',
} as const;

export type UserlikeDialect = Readonly<Record<keyof typeof userlikeDialect, string>>;
