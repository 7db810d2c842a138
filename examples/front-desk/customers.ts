import type { UserlikeSimulator } from 'tidewire/simulators';

/** Three customers at once: on the web, on WhatsApp and by SMS. */
export const scriptedConversations = async (simulator: UserlikeSimulator): Promise<void> => {
  const [kim, ana, leo] = [
    simulator.contact('Kim', 'web'),
    simulator.contact('Ana', 'whatsapp_business'),
    simulator.contact('Leo', 'sms'),
  ];
  const web = async (): Promise<void> => {
    await kim.open();
    await kim.click('order');
    await kim.say('yes');
    await kim.say('yes');
  };
  const whatsapp = async (): Promise<void> => {
    await ana.say('Hi, is my bike ready?');
    await ana.click('hours');
    await ana.upload('https://media.example.org/bell.jpg');
  };
  const sms = async (): Promise<void> => {
    await leo.say('Hello');
    await leo.say('2');
    await leo.say('something else');
    await leo.say('3');
  };
  await Promise.all([web(), whatsapp(), sms()]);
};
